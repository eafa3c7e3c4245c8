//! What the guard notices, collected and told: many of one kind are summed up.

use std::collections::BTreeMap;

use super::report::{Finding, Grade, Kind, MAX_ROWS_SHOWN, Row};
use super::{sequence, words};

/// Findings of one kind that are told one by one; the rest is summed up.
const MAX_OF_A_KIND: usize = 20;

/// One thing that was noticed, about some rows (by place) and perhaps their parcels.
struct Noticed {
    kind: Kind,
    grade: Grade,
    at: Vec<usize>,
    parcels: Vec<String>,
    detail: String,
}

#[derive(Default)]
pub(super) struct Found(Vec<Noticed>);

impl Found {
    pub fn add(&mut self, kind: Kind, grade: Grade, at: Vec<usize>, parcels: Vec<String>, detail: &str) {
        let detail = detail.chars().take(64).collect();
        self.0.push(Noticed {
            kind,
            grade,
            at,
            parcels,
            detail,
        });
    }

    pub fn refuse(&mut self, kind: Kind, at: usize, detail: &str) {
        self.add(kind, Grade::Refuse, vec![at], Vec::new(), detail);
    }

    /// The findings, the gravest first; of many of one kind the first ones, and one for all others.
    pub fn into_findings(self, rows: &[Row]) -> Vec<Finding> {
        let mut by_kind: BTreeMap<(Grade, Kind), Vec<Noticed>> = BTreeMap::new();
        for noticed in self.0 {
            by_kind
                .entry((noticed.grade, noticed.kind))
                .or_default()
                .push(noticed);
        }
        let mut findings = Vec::new();
        for (_, mut noticed) in by_kind {
            if noticed.len() > MAX_OF_A_KIND {
                let mut rest = noticed.split_off(MAX_OF_A_KIND - 1);
                let mut all = rest.remove(0);
                for mut more in rest {
                    all.at.append(&mut more.at);
                    all.parcels.append(&mut more.parcels);
                }
                noticed.push(all);
            }
            findings.extend(noticed.into_iter().map(|noticed| noticed.finding(rows)));
        }
        findings
    }
}

impl Noticed {
    fn finding(mut self, rows: &[Row]) -> Finding {
        let count = self.at.len();
        self.at.truncate(MAX_ROWS_SHOWN);
        if self.parcels.len() == count {
            self.parcels.truncate(MAX_ROWS_SHOWN);
        } else {
            self.parcels.clear();
        }
        let (what, way_out) = words::of(self.kind, &self.detail);
        Finding {
            kind: self.kind,
            grade: self.grade,
            rows: sequence::numbers_of(rows, &self.at),
            parcels: self.parcels,
            count,
            what,
            way_out,
        }
    }
}

impl Finding {
    /// The file has our own columns beside its numbers.
    pub(super) fn own_columns() -> Finding {
        let (what, way_out) = words::of(Kind::OwnColumns, "");
        Finding {
            kind: Kind::OwnColumns,
            grade: Grade::Note,
            rows: Vec::new(),
            parcels: Vec::new(),
            count: 0,
            what,
            way_out,
        }
    }
}
