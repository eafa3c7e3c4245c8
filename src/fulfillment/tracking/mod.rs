//! Where parcels are: asked at Kuaidi100, or told by it.
//!
//! Kuaidi100 asks the carriers for us and needs no contract with them. A parcel that was handed over is subscribed
//! once; from then on every move is pushed to us, and a query fills what a push missed. What a carrier says is stored
//! once, however often it is told. When Kuaidi100 gives a parcel up (`abort`), somebody has to look: that is an alarm.
//!
//! `kuaidi100`: their two calls; `push`: what they send us; `work`: what is done with both, and when; `transit`: days
//! on the way, learned from what came.

pub mod api;
pub mod kuaidi100;
pub mod push;
pub mod store;
pub mod transit;
pub mod work;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::web::input::clean_line;

/// How far a parcel is, as its carrier says.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type, ToSchema,
)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Collected,
    InTransit,
    OutForDelivery,
    Delivered,
    /// refused, nobody there, damaged, stuck: somebody should call
    Problem,
    /// on its way back, or back
    Returned,
}

impl Status {
    /// The meaning of Kuaidi100's state codes, those of one digit and the finer ones (`resultv2`). `None` for a parcel
    /// that the carrier has not seen, and for codes we don't know.
    pub fn of_code(code: &str) -> Option<Status> {
        Some(match code {
            "1" | "103" => Status::Collected,
            "0" | "7" | "8" | "10" | "11" | "12" => Status::InTransit,
            "5" | "501" => Status::OutForDelivery,
            "3" => Status::Delivered,
            "2" | "13" | "14" => Status::Problem,
            "4" | "6" => Status::Returned,
            _ => match (code.len(), code.get(..1)) {
                (3, Some("2")) => Status::Problem,
                (3, Some("3")) => Status::Delivered,
                (3, Some("4" | "6")) => Status::Returned,
                (4, Some("1")) => Status::InTransit,
                _ => return None,
            },
        })
    }

    /// The same from the word that stands beside a message.
    fn of_word(word: &str) -> Option<Status> {
        Some(match word {
            "揽收" => Status::Collected,
            "在途" | "转单" | "转投" | "清关" => Status::InTransit,
            "派件" => Status::OutForDelivery,
            "签收" => Status::Delivered,
            "疑难" | "拒签" => Status::Problem,
            "退签" | "退回" => Status::Returned,
            _ => return None,
        })
    }

    /// Nothing more is to come.
    pub fn is_end(self) -> bool {
        matches!(self, Status::Delivered | Status::Returned)
    }
}

/// A message of the carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub at: Timestamp,
    pub status: Status,
    pub text: String,
}

/// What is known of a number: its messages, oldest first and each once, and its state now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub events: Vec<Event>,
    /// `None` when the carrier has nothing of it yet
    pub status: Option<Status>,
}

/// Messages of one number that are kept.
const MAX_EVENTS: usize = 300;
/// Characters of a message that are kept.
const MAX_TEXT: usize = 400;

impl Known {
    /// Reads the `state` and `data` of an answer or a push. Messages that can't be read are left out: what is new in
    /// their format must not hide the rest.
    fn read(body: &Value) -> Known {
        let state = word(&body["state"]);
        let status = Status::of_code(&state);
        let messages = body["data"].as_array().map_or(&[][..], Vec::as_slice);
        let mut events: Vec<Event> = messages
            .iter()
            .take(MAX_EVENTS)
            .filter_map(|message| event(message, status))
            .collect();
        events.sort_by(|a, b| (a.at, a.status, &a.text).cmp(&(b.at, b.status, &b.text)));
        events.dedup_by(|a, b| a.at == b.at && a.text == b.text);
        Known { events, status }
    }
}

/// `whole` is the number's state; it stands in for messages that say none.
fn event(message: &Value, whole: Option<Status>) -> Option<Event> {
    let at = moment(&word(&message["ftime"])).or_else(|| moment(&word(&message["time"])))?;
    let text: String = clean_line(&word(&message["context"]))
        .chars()
        .take(MAX_TEXT)
        .collect();
    let status = Status::of_code(&word(&message["statusCode"]))
        .or_else(|| Status::of_word(&word(&message["status"])))
        .or(whole.filter(|whole| !whole.is_end()))
        .unwrap_or(Status::InTransit);
    (!text.is_empty()).then_some(Event { at, status, text })
}

/// `2024-01-20 19:16:55` in China, where all of it is told.
fn moment(text: &str) -> Option<Timestamp> {
    let local = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    let day = crate::clock::start_of_day(local.date());
    let within = local.signed_duration_since(local.date().and_time(chrono::NaiveTime::MIN));
    Some(day.plus(within.to_std().ok()?))
}

/// A JSON text or number as text; they mix the two.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn states_mean_ours() {
        use Status::{Collected, Delivered, InTransit, OutForDelivery, Problem, Returned};
        for (code, status) in [
            ("0", Some(InTransit)),
            ("1", Some(Collected)),
            ("2", Some(Problem)),
            ("3", Some(Delivered)),
            ("4", Some(Returned)),
            ("5", Some(OutForDelivery)),
            ("6", Some(Returned)),
            ("7", Some(InTransit)),
            ("8", Some(InTransit)),
            ("14", Some(Problem)),
            ("103", Some(Collected)),
            ("101", None),
            ("102", None),
            ("1001", Some(InTransit)),
            ("206", Some(Problem)),
            ("304", Some(Delivered)),
            ("401", Some(Returned)),
            ("501", Some(OutForDelivery)),
            ("", None),
            ("99", None),
            ("中", None),
        ] {
            assert_eq!(Status::of_code(code), status, "{code}");
        }
    }

    #[test]
    fn messages_are_read_leniently_and_once() {
        let body = json!({"state": 3, "new_field": {}, "data": [
            {"time": "2024-01-22 09:00:00", "ftime": "2024-01-22 09:00:00", "context": "已签收", "statusCode": "301"},
            {"time": "2024-01-20 18:00", "context": " 已\u{0}揽收 ", "status": "揽收"},
            {"time": "2024-01-22 09:00:00", "context": "已签收"},
            {"time": "soon", "context": "no time"},
            {"time": "2024-01-21 01:00:00", "context": "到达郑州"},
            {"time": "2024-01-21 02:00:00"},
            7,
        ]});
        let known = Known::read(&body);
        assert_eq!(known.status, Some(Status::Delivered));
        let events: Vec<_> = known
            .events
            .iter()
            .map(|event| (event.at.to_rfc3339(), event.status, event.text.as_str()))
            .collect();
        assert_eq!(
            events,
            [
                ("2024-01-20T10:00:00Z".to_owned(), Status::Collected, "已 揽收"),
                ("2024-01-20T17:00:00Z".to_owned(), Status::InTransit, "到达郑州"),
                ("2024-01-22T01:00:00Z".to_owned(), Status::InTransit, "已签收"),
            ]
        );
        assert_eq!(Known::read(&json!([])), Known::default());
    }
}
