//! Columns of text for a terminal, as wide as their widest cell. A letter that takes two places, as those of Chinese do, is
//! counted as two. Cells have passed `printable` before they come here.

use unicode_width::UnicodeWidthStr;

/// Columns with a head.
pub struct Columns<const N: usize> {
    head: [&'static str; N],
    widths: [usize; N],
}

impl<const N: usize> Columns<N> {
    /// Wide enough for the head and for these rows.
    pub fn fitting(head: [&'static str; N], rows: &[[String; N]]) -> Columns<N> {
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].width());
            cells.chain([head[column].width()]).max().unwrap_or(0)
        };
        Columns { head, widths: std::array::from_fn(width) }
    }

    /// The first line.
    pub fn head(&self) -> String {
        self.line(self.head)
    }

    /// A line. A cell that is too wide moves what is behind it.
    pub fn row(&self, cells: &[String; N]) -> String {
        self.line(std::array::from_fn(|column| cells[column].as_str()))
    }

    fn line(&self, cells: [&str; N]) -> String {
        let padded = cells.iter().zip(self.widths).map(|(cell, width)| {
            let spaces = width.saturating_sub(cell.width());
            format!("{cell}{}", " ".repeat(spaces))
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    }
}

/// All of it, of which no more than so many rows are shown.
pub fn table<const N: usize>(head: [&'static str; N], rows: &[[String; N]], rows_max: usize) -> String {
    let shown = &rows[..rows.len().min(rows_max)];
    let columns = Columns::fitting(head, shown);
    let mut lines = vec![columns.head()];
    lines.extend(shown.iter().map(|row| columns.row(row)));
    if rows.len() > shown.len() {
        lines.push(format!("… and {} more", rows.len() - shown.len()));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_long_lists_are_cut() {
        let rows = [["1".to_owned(), "Олена".to_owned()], ["22".to_owned(), "bo".to_owned()]];
        assert_eq!(table(["ID", "NAME"], &rows, 9), "ID  NAME\n1   Олена\n22  bo");
        let many = vec![["x".to_owned()]; 12];
        assert!(table(["A"], &many, 9).ends_with("… and 3 more"));
    }

    #[test]
    fn a_wide_letter_takes_two_places() {
        let rows = [["李小龍".to_owned(), "a".to_owned()], ["bo".to_owned(), "b".to_owned()]];
        assert_eq!(table(["NAME", "X"], &rows, 9), "NAME    X\n李小龍  a\nbo      b");
    }
}
