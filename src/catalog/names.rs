//! Statements about many rows at once.

/// Names in one statement, at most. Each is a bound value, SQLite takes 32,766 of them, and the time
/// to bind them grows with their square.
pub(super) const CHUNK: usize = 100;

/// The text of a statement in which `{names}` stands for `count` places behind the first `bound`.
pub(super) fn with_names(text: &str, bound: usize, count: usize) -> String {
    let places = (1..=count).map(|at| format!("${}", bound.saturating_add(at)));
    text.replace("{names}", &places.collect::<Vec<_>>().join(","))
}

/// The places of `rows` rows of `columns` values each, as they follow `VALUES`.
pub(super) fn row_places(columns: usize, rows: usize) -> String {
    let row = |row: usize| {
        let first = row.saturating_mul(columns);
        let places = (1..=columns).map(|at| format!("${}", first.saturating_add(at)));
        format!("({})", places.collect::<Vec<_>>().join(","))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(",")
}

/// A query with some values bound, and then each of some names.
macro_rules! on_names {
    ($text:expr, [$($value:expr),*], $names:expr) => {{
        let names: &[String] = $names;
        let bound = <[&str]>::len(&[$(stringify!($value)),*]);
        let text = $crate::catalog::names::with_names($text, bound, names.len());
        let mut query = sqlx::query(sqlx::AssertSqlSafe(text));
        $( query = query.bind($value); )*
        for name in names {
            query = query.bind(name.as_str());
        }
        query
    }};
}

pub(super) use on_names;
