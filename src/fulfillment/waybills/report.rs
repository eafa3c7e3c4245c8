//! What the guard is given, and what it says.

use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Text;

/// A parcel of the batch, as far as the guard needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parcel {
    /// what its label carries
    pub code: String,
    /// numbers of the orders whose goods it holds
    pub orders: Vec<String>,
    /// as in the shop's settings, like `zto`
    pub carrier: String,
    pub name: String,
    pub phone: String,
    /// the province's name; empty counts as unknown
    pub province: String,
    /// the number it has now
    pub waybill: Option<String>,
}

/// A row of a carrier's file, as it was written; what the file does not have is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// as a spreadsheet shows it
    pub number: usize,
    pub parcel: String,
    pub order: String,
    pub waybill: String,
    pub carrier: String,
    /// in full or masked (张*, 张**, 张*三)
    pub name: String,
    /// in full, masked (138****1234), or its last four digits
    pub phone: String,
    /// a province, or an address that begins with one
    pub place: String,
}

/// What was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    // the recipient
    Slid,
    Swapped,
    OtherRecipient,
    NameDiffers,
    PhoneDiffers,
    PlaceDiffers,
    // the key
    UnknownParcel,
    DamagedKey,
    AmbiguousOrder,
    KeysDisagree,
    NumberWithoutParcel,
    ParcelTwice,
    // the number
    DamagedNumber,
    RoundedNumber,
    LostDigits,
    WrongCheckDigit,
    NotAWaybill,
    SeveralNumbers,
    WrongCarrier,
    OddForm,
    NumberTwice,
    NumberLive,
    AlreadyNumbered,
    // evidence of the numbers' order
    OrderLooksSlid,
    OrderLooksSwapped,
    // nothing wrong
    UnknownForm,
    OtherPhones,
    NoRecipients,
    OwnColumns,
    NoNumber,
    Repeated,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// nothing of the file is written
    Refuse,
    /// evidence that somebody should look at; does not hinder
    Look,
    /// said for completeness
    Note,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: Kind,
    pub grade: Grade,
    /// row numbers, at most [`MAX_ROWS_SHOWN`]
    pub rows: Vec<usize>,
    /// codes of the parcels meant, where they are known, as long as `rows` or empty
    pub parcels: Vec<String>,
    /// how many rows it is about
    pub count: usize,
    pub what: Text,
    pub way_out: Text,
}

/// Rows that one finding lists; `count` has them all.
pub const MAX_ROWS_SHOWN: usize = 50;

/// A number for a parcel, in its normal form: capitals and digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub row: usize,
    pub parcel: String,
    pub waybill: String,
    /// the parcel has this very number already
    pub unchanged: bool,
}

/// What the guard says of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// by row; empty when the file is refused
    pub accepted: Vec<Accepted>,
    /// the gravest first
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing of the file may be written.
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.grade == Grade::Refuse)
    }
}
