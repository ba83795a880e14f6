//! Tables for people.

/// A bound on a figure of ours, or on its ratio to the peer's.
#[derive(Clone, Copy)]
pub(crate) struct Goal {
    /// Its name, such as `G1`.
    name: &'static str,
    bound: Bound,
}

#[derive(Clone, Copy)]
enum Bound {
    Most(f64),
    Least(f64),
}

/// Not to be exceeded.
pub(crate) const fn goal(name: &'static str, most: f64) -> Option<Goal> {
    Some(Goal { name, bound: Bound::Most(most) })
}

/// To be reached.
pub(crate) const fn at_least(name: &'static str, least: f64) -> Option<Goal> {
    Some(Goal { name, bound: Bound::Least(least) })
}

impl Goal {
    /// How it is written, and whether a figure meets it.
    fn judge(self, figure: f64, format: impl Fn(f64) -> String) -> [String; 2] {
        let (sign, bound, met) = match self.bound {
            Bound::Most(most) => ('≤', most, figure <= most),
            Bound::Least(least) => ('≥', least, figure >= least),
        };
        let met = if met { "yes" } else { "NO" };
        [format!("{} {sign} {}", self.name, format(bound)), met.to_owned()]
    }
}

/// Figures of one topic, printed when complete.
pub(crate) struct Table {
    title: String,
    rows: Vec<[String; 6]>,
    notes: Vec<String>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), rows: Vec::new(), notes: Vec::new() }
    }

    /// Ours beside a peer's, both in the unit that `format` writes.
    pub(crate) fn compare(
        &mut self,
        what: impl Into<String>,
        ours: f64,
        (peer_name, peer): (&str, f64),
        goal: Option<Goal>,
        format: fn(f64) -> String,
    ) {
        let ratio = ours / peer;
        let [name, met] = goal.map(|goal| goal.judge(ratio, |b| b.to_string())).unwrap_or_default();
        self.rows.push([
            what.into(),
            format(ours),
            format!("{} {peer_name}", format(peer)),
            if ratio < 0.01 { format!("{ratio:.4}") } else { format!("{ratio:.2}") },
            name,
            met,
        ]);
    }

    /// A figure of ours without a peer, with an upper bound if there is one.
    pub(crate) fn alone(
        &mut self,
        what: impl Into<String>,
        ours: f64,
        goal: Option<Goal>,
        format: fn(f64) -> String,
    ) {
        let [name, met] = goal.map(|goal| goal.judge(ours, format)).unwrap_or_default();
        let none = String::new;
        self.rows.push([what.into(), format(ours), none(), none(), name, met]);
    }

    /// Something that cannot be measured, and why.
    pub(crate) fn absent(&mut self, what: impl Into<String>, why: &str) {
        let none = String::new;
        self.rows.push([what.into(), why.to_owned(), none(), none(), none(), none()]);
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub(crate) fn print(&self) {
        let head = ["", "Keyward", "peer", "ratio", "goal", "met"].map(str::to_owned);
        let all = || std::iter::once(&head).chain(&self.rows);
        let width =
            |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..6).map(width).collect();
        println!("## {}", self.title);
        for row in all() {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())))
                .collect();
            println!("{}", cells.join("  ").trim_end());
        }
        for note in &self.notes {
            println!("- {note}");
        }
        println!();
    }
}

pub(crate) fn ns(value: f64) -> String {
    if value < 100.0 { format!("{value:.1} ns") } else { format!("{value:.0} ns") }
}

pub(crate) fn us(value: f64) -> String {
    if value < 100.0 { format!("{value:.1} µs") } else { format!("{value:.0} µs") }
}

pub(crate) fn ms(value: f64) -> String {
    if value < 10.0 { format!("{value:.2} ms") } else { format!("{value:.0} ms") }
}

pub(crate) fn seconds(value: f64) -> String {
    format!("{value:.2} s")
}

pub(crate) fn bytes(value: f64) -> String {
    match value.abs() {
        ..10_000.0 => format!("{value:.0} B"),
        ..10_000_000.0 => format!("{:.0} kB", value / 1e3),
        _ => format!("{:.1} MB", value / 1e6),
    }
}

pub(crate) fn plain(value: f64) -> String {
    format!("{value:.0}")
}
