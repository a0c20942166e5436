//! A table of words, for a terminal or for a page in Markdown.

/// The table.
pub struct Sheet {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    /// With these columns. The first is of words, and the others are of numbers.
    pub fn new(head: &[&str]) -> Sheet {
        Sheet { head: head.iter().map(|word| (*word).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row. It has as many words as there are columns.
    pub fn add(&mut self, row: Vec<String>) {
        debug_assert_eq!(row.len(), self.head.len(), "{row:?}");
        self.rows.push(row);
    }

    /// For a terminal: columns of one width, numbers to the right.
    pub fn text(&self) -> String {
        let width = |column: usize| self.lines().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let cell = |(column, word): (usize, &String)| match (column, widths[column]) {
            (0, width) => format!("  {word:<width$}"),
            (_, width) => format!("  {word:>width$}"),
        };
        let line = |row: &Vec<String>| row.iter().enumerate().map(cell).collect::<String>();
        self.lines().map(|row| line(row).trim_end().to_owned() + "\n").collect()
    }

    /// For a page.
    pub fn markdown(&self) -> String {
        let line = |row: &Vec<String>| format!("| {} |\n", row.join(" | "));
        let rule = "|---|".to_owned() + &"--:|".repeat(self.head.len() - 1) + "\n";
        line(&self.head) + &rule + &self.rows.iter().map(line).collect::<String>()
    }

    fn lines(&self) -> impl Iterator<Item = &Vec<String>> {
        std::iter::once(&self.head).chain(&self.rows)
    }
}

/// A number with a tenth, where that matters.
pub fn tenths(value: f64) -> String {
    if value < 99.95 { format!("{value:.1}") } else { number(value) }
}

/// A whole number for people: its thousands apart.
pub fn number(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut apart = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_for_people() {
        for (value, expected) in [
            (0.0, "0"),
            (7.0, "7"),
            (999.4, "999"),
            (1000.0, "1,000"),
            (123_456.7, "123,457"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(number(value), expected);
        }
        for (value, expected) in
            [(0.04, "0.0"), (7.0, "7.0"), (99.94, "99.9"), (99.96, "100"), (1e3, "1,000")]
        {
            assert_eq!(tenths(value), expected);
        }
    }

    #[test]
    fn a_sheet_has_two_forms() {
        let mut sheet = Sheet::new(&["who", "µs"]);
        sheet.add(vec!["threads".to_owned(), "12".to_owned()]);
        sheet.add(vec!["pool".to_owned(), String::new()]);
        assert_eq!(sheet.text(), "  who      µs\n  threads  12\n  pool\n");
        assert_eq!(sheet.markdown(), "| who | µs |\n|---|--:|\n| threads | 12 |\n| pool |  |\n");
    }
}
