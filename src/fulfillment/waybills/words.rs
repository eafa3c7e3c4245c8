//! What a finding says, and the way out, in both languages.

use super::report::Kind;
use crate::error::{Text, text};

/// (what in Chinese, what in English, way out in Chinese, way out in English). `{}` takes the detail.
type Words = (&'static str, &'static str, &'static str, &'static str);

const EXPORT_AGAIN: (&str, &str) = (
    "请从快递公司的系统重新导出，不要用表格软件打开后再保存。",
    "Export the file from the carrier's system again, and do not save it from a spreadsheet.",
);
const CARRIERS_OWN: (&str, &str) = (
    "请直接上传快递公司系统导出的原文件，不要手工拼接各列。",
    "Upload the file as the carrier's system exported it, without putting columns together by hand.",
);
const CORRECT: (&str, &str) = (
    "请核对这些行并改正后再上传。",
    "Check these rows, correct them and upload again.",
);
const LOOK: (&str, &str) = (
    "这不妨碍导入；发出通知前请抽查面单。",
    "This does not hinder the import; compare some labels before anyone is told.",
);
const NOTHING: (&str, &str) = ("无需处理。", "Nothing to do.");

pub(super) fn of(kind: Kind, detail: &str) -> (Text, Text) {
    let (zh, en, way_zh, way_en) = words(kind);
    (
        text(zh.replace("{}", detail), en.replace("{}", detail)),
        text(way_zh, way_en),
    )
}

fn words(kind: Kind) -> Words {
    match kind {
        Kind::UnknownParcel
        | Kind::DamagedKey
        | Kind::AmbiguousOrder
        | Kind::KeysDisagree
        | Kind::NumberWithoutParcel
        | Kind::ParcelTwice => about_keys(kind),
        Kind::Slid
        | Kind::Swapped
        | Kind::OtherRecipient
        | Kind::NameDiffers
        | Kind::PhoneDiffers
        | Kind::PlaceDiffers
        | Kind::OrderLooksSlid
        | Kind::OrderLooksSwapped => about_recipients(kind),
        _ => about_numbers(kind),
    }
}

fn about_keys(kind: Kind) -> Words {
    match kind {
        Kind::UnknownParcel => (
            "本批次里没有“{}”。",
            "This batch has no {}.",
            "请删去这些行，或上传到它们所在的批次。",
            "Remove these rows, or upload them to the batch that has them.",
        ),
        Kind::DamagedKey => (
            "包裹号或订单号“{}”被表格软件改成了数字。",
            "A spreadsheet turned the parcel code or order number {} into a figure.",
            EXPORT_AGAIN.0,
            EXPORT_AGAIN.1,
        ),
        Kind::AmbiguousOrder => (
            "订单“{}”在本批次里有几个包裹，看不出单号是哪一个的。",
            "Order {} has several parcels in this batch, and the row does not say which.",
            "请在“包裹号”一列写上包裹号。",
            "Write the parcel's code into the column 包裹号.",
        ),
        Kind::KeysDisagree => (
            "这一行的订单号不属于这一行的包裹“{}”，两列可能错位了。",
            "The row's order number is not of its parcel {}: the columns may have slid.",
            CARRIERS_OWN.0,
            CARRIERS_OWN.1,
        ),
        Kind::NumberWithoutParcel => (
            "有单号“{}”，却没有包裹号或订单号，各列可能错位了。",
            "There is the number {} without a parcel code or order number: the columns may have slid.",
            CARRIERS_OWN.0,
            CARRIERS_OWN.1,
        ),
        _ => (
            "包裹“{}”有几个不同的单号。",
            "Parcel {} has several different numbers.",
            "一个包裹一个单号：请删去多余的行；要分成几个包裹，请先在批次里拆分。",
            "One parcel, one number: remove the others, or split the parcel in the batch first.",
        ),
    }
}

fn about_recipients(kind: Kind) -> Words {
    match kind {
        Kind::Slid => (
            "单号连同收件人整体错开了 {} 行。",
            "The numbers and their recipients have slid by {} rows against the parcels.",
            CARRIERS_OWN.0,
            CARRIERS_OWN.1,
        ),
        Kind::Swapped => (
            "这两行的单号互换了：{}。",
            "The numbers of these two rows are swapped: {}.",
            "请把两行的单号换回来再上传。",
            "Exchange the two numbers and upload again.",
        ),
        Kind::OtherRecipient => (
            "收件人与包裹“{}”的不符。",
            "The recipient is not that of parcel {}.",
            "请核对单号是谁的；若只是改了收件人，请先在订单里改。",
            "Find out whose number it is; if the recipient was changed, change it in the order first.",
        ),
        Kind::NameDiffers => (
            "电话相符，姓名不同。",
            "The phone fits, the name differs.",
            LOOK.0,
            LOOK.1,
        ),
        Kind::PhoneDiffers => (
            "姓名相符，电话不同。",
            "The name fits, the phone differs.",
            LOOK.0,
            LOOK.1,
        ),
        Kind::PlaceDiffers => (
            "姓名或电话相符，省份不同。",
            "Name or phone fit, the province differs.",
            LOOK.0,
            LOOK.1,
        ),
        Kind::OrderLooksSlid => (
            "单号本来逐个连续，从这一行起却错开了，单号列可能移动过。",
            "The numbers run on one by one, but not from this row on: their column may have been moved.",
            LOOK.0,
            LOOK.1,
        ),
        _ => (
            "单号本来逐个连续，这两行的却像是互换了。",
            "The numbers run on one by one, but those of these two rows seem swapped.",
            LOOK.0,
            LOOK.1,
        ),
    }
}

fn about_numbers(kind: Kind) -> Words {
    match kind {
        Kind::DamagedNumber => (
            "单号“{}”被表格软件改成了科学计数或错误值，数字已丢失。",
            "A spreadsheet turned the number {} into scientific notation or an error: its digits are lost.",
            EXPORT_AGAIN.0,
            EXPORT_AGAIN.1,
        ),
        Kind::RoundedNumber => (
            "单号“{}”末尾全是零，像是被表格软件四舍五入了。",
            "The number {} ends in zeros, as if a spreadsheet had rounded it.",
            EXPORT_AGAIN.0,
            EXPORT_AGAIN.1,
        ),
        Kind::LostDigits => (
            "单号“{}”少了几位，可能丢了开头的零。",
            "The number {} lacks digits: leading zeros may be lost.",
            EXPORT_AGAIN.0,
            EXPORT_AGAIN.1,
        ),
        Kind::WrongCheckDigit => (
            "邮政单号“{}”的校验位不对，有一位写错了。",
            "The check digit of the post's number {} is wrong: a digit is mistyped.",
            CORRECT.0,
            CORRECT.1,
        ),
        Kind::NotAWaybill => (
            "“{}”不是快递单号。",
            "{} is no waybill number.",
            CORRECT.0,
            CORRECT.1,
        ),
        Kind::SeveralNumbers => (
            "一格里有几个单号：“{}”。",
            "A cell has several numbers: {}.",
            "一个包裹一个单号：要分成几个包裹，请先在批次里拆分。",
            "One parcel, one number: split the parcel in the batch first.",
        ),
        Kind::WrongCarrier => (
            "单号“{}”不是这个包裹的快递公司的。",
            "The number {} is not of the parcel's carrier.",
            "请核对；若换了快递公司，请先在批次里改。",
            "Check it; if another carrier took the parcel, change that in the batch first.",
        ),
        Kind::OddForm => (
            "单号“{}”的位数与同一快递公司的其他单号不同。",
            "The number {} has another length than the carrier's others.",
            CORRECT.0,
            CORRECT.1,
        ),
        _ => about_use(kind),
    }
}

fn about_use(kind: Kind) -> Words {
    match kind {
        Kind::NumberTwice => (
            "单号“{}”用了几次。",
            "The number {} is used several times.",
            "一个单号一个包裹：请核对这些行。",
            "One number, one parcel: check these rows.",
        ),
        Kind::NumberLive => (
            "单号“{}”已经用在另一个包裹上。",
            "The number is on another parcel already: {}.",
            "请核对；若先前的登记错了，请先作废那一个。",
            "Check it; if the earlier entry is wrong, void that one first.",
        ),
        Kind::AlreadyNumbered => (
            "包裹已有另一个单号：{}。",
            "The parcel has another number already: {}.",
            "若要更换，请确认面单后以 replace=true 上传；旧单号会留在历史里。",
            "To replace it, check the label and upload with replace=true; the old number stays in the history.",
        ),
        Kind::UnknownForm => (
            "单号格式不在已知格式之内，例如“{}”。",
            "The numbers have a form that is not known here, such as {}.",
            LOOK.0,
            LOOK.1,
        ),
        Kind::OtherPhones => (
            "文件里的电话不是收件人的电话（可能是隐私号），没有用来核对。",
            "The file's phones are not the recipients' (privacy numbers?) and were not compared.",
            NOTHING.0,
            NOTHING.1,
        ),
        Kind::NoRecipients => (
            "文件里没有收件人、电话尾号或省份，单号错位无法发现。",
            "The file has no recipient, phone or province, so moved numbers can't be noticed.",
            CARRIERS_OWN.0,
            CARRIERS_OWN.1,
        ),
        Kind::OwnColumns => (
            "这是本店导出的表，收件人各列不是快递公司给的：单号列若移动过，无法由收件人发现。",
            "This is our own table: its recipients are not the carrier's, so a moved number column can't be noticed by them.",
            CARRIERS_OWN.0,
            CARRIERS_OWN.1,
        ),
        Kind::NoNumber => ("没有单号。", "There is no number.", NOTHING.0, NOTHING.1),
        _ => (
            "重复的行，只算一次。",
            "Repeated, counted once.",
            NOTHING.0,
            NOTHING.1,
        ),
    }
}
