//! Aligned columns of text under a header.

use std::fmt;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, TableStyle};

/// What a terminal has, by the measure of this project. Units: columns.
const WIDTH: u16 = 120;

/// Columns are as wide as their widest cell; where they do not fit in 120 columns together, long cells wrap.
const STYLE: TableStyle = NOTHING.header_separator(comfy_table::LineStyle::none().fill('─').junction('─'));

/// A table. Its text has no blanks at the ends of its lines, and no newline at its end.
#[derive(Debug)]
pub struct Table(comfy_table::Table);

impl Table {
    /// A table without rows. A header that begins with `>` is shown without it, and its column stands on the right.
    pub fn new<'a>(headers: impl IntoIterator<Item = &'a str>) -> Self {
        let headers: Vec<&str> = headers.into_iter().collect();
        let mut table = comfy_table::Table::new();
        table
            .load_style(STYLE)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(WIDTH)
            .set_header(headers.iter().map(|header| header.trim_start_matches('>')));
        for (column, header) in table.column_iter_mut().zip(&headers) {
            column.set_padding((0, 1));
            if header.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Self(table)
    }

    /// Gives each row one line, however long it is.
    pub fn unbroken(mut self) -> Self {
        self.0.set_content_arrangement(ContentArrangement::Disabled);
        self
    }

    /// Adds a row. Cells that are missing stay empty.
    pub fn row<T: fmt::Display>(&mut self, cells: impl IntoIterator<Item = T>) -> &mut Self {
        self.0.add_row(cells.into_iter().map(|cell| cell.to_string()));
        self
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.trim_fmt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_numbers_stand_on_the_right() {
        let mut table = Table::new(["scenario", "result", ">packets", "why"]);
        table.row(["lost-syn", "passed", "12", ""]);
        table.row(["simultaneous-open", "skipped", "0", "namespaces are forbidden here"]);
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_long_cell_wraps_within_120_columns() {
        let mut table = Table::new(["scenario", "why"]);
        table.row(["blind-rst".to_owned(), "word ".repeat(60)]);
        let text = table.to_string();
        assert!(text.lines().count() > 3);
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        let mut unbroken = Table::new(["scenario", "why"]).unbroken();
        unbroken.row(["blind-rst".to_owned(), "word ".repeat(60)]);
        assert_eq!(unbroken.to_string().lines().count(), 3);
    }
}
