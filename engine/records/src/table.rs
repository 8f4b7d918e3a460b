//! Columns in and out of Parquet files.

use std::{fs::File, io::Write, path::Path, sync::Arc};

use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical},
    column::{reader::ColumnReader, writer::ColumnWriter},
    data_type::{ByteArray, DataType},
    errors::{ParquetError, Result},
    file::{
        properties::WriterProperties,
        reader::{ChunkReader, FileReader, RowGroupReader},
        serialized_reader::SerializedFileReader,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::types::{Type, TypePtr},
};

/// What a column holds; every value may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// UTF-8 text, or JSON.
    Text,
    /// A signed integer of 64 bits.
    Integer,
    /// Milliseconds since 1970, in UTC.
    Moment,
    /// A number of 64 bits.
    Number,
    /// True or false.
    Flag,
}

/// The name of a column, and what it holds.
pub(crate) type Field = (&'static str, Kind);

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// Of a text.
    Text(Option<String>),
    /// Of an integer or a moment.
    Integer(Option<i64>),
    /// Of a number.
    Number(Option<f64>),
    /// Of a flag.
    Flag(Option<bool>),
}

/// The values of one column.
#[derive(Debug, Clone, PartialEq)]
enum Column {
    Text(Vec<Option<ByteArray>>),
    Integer(Vec<Option<i64>>),
    Number(Vec<Option<f64>>),
    Flag(Vec<Option<bool>>),
}

/// Rows by columns, of which some may be left out when it is read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    fields: &'static [Field],
    /// One for each field; `None` for those that were left out.
    columns: Vec<Option<Column>>,
    rows: usize,
}

impl Table {
    /// Makes a table without rows.
    pub(crate) fn new(fields: &'static [Field]) -> Self {
        let columns = fields.iter().map(|(_, kind)| Some(Column::new(*kind))).collect();
        Self { fields, columns, rows: 0 }
    }

    /// The number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row, with a cell for each field.
    pub(crate) fn push(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let mut cells = cells.into_iter();
        for column in self.columns.iter_mut().flatten() {
            column.push(cells.next());
        }
        self.rows += 1;
    }

    /// Whether a column was read.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.column(name).is_some()
    }

    /// A text; `None` where it is missing or was left out.
    pub(crate) fn text(&self, name: &str, row: usize) -> Option<&str> {
        match self.column(name)? {
            Column::Text(values) => values.get(row)?.as_ref()?.as_utf8().ok(),
            Column::Integer(_) | Column::Number(_) | Column::Flag(_) => None,
        }
    }

    /// An integer or a moment.
    pub(crate) fn integer(&self, name: &str, row: usize) -> Option<i64> {
        match self.column(name)? {
            Column::Integer(values) => *values.get(row)?,
            Column::Text(_) | Column::Number(_) | Column::Flag(_) => None,
        }
    }

    /// A number.
    pub(crate) fn number(&self, name: &str, row: usize) -> Option<f64> {
        match self.column(name)? {
            Column::Number(values) => *values.get(row)?,
            Column::Text(_) | Column::Integer(_) | Column::Flag(_) => None,
        }
    }

    /// A flag.
    pub(crate) fn flag(&self, name: &str, row: usize) -> Option<bool> {
        match self.column(name)? {
            Column::Flag(values) => *values.get(row)?,
            Column::Text(_) | Column::Integer(_) | Column::Number(_) => None,
        }
    }

    fn column(&self, name: &str) -> Option<&Column> {
        let at = self.fields.iter().position(|(known, _)| *known == name)?;
        self.columns.get(at)?.as_ref()
    }

    /// Writes a file whole and forces it to the disk.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let file = File::create(path)?;
        let kept = file.try_clone()?;
        self.write_to(file)?;
        kept.sync_all()?;
        Ok(())
    }

    /// The bytes of a file.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes)?;
        Ok(bytes)
    }

    fn write_to(&self, out: impl Write + Send) -> Result<()> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(format!("casebook {}", env!("CARGO_PKG_VERSION")))
            .build();
        let mut writer = SerializedFileWriter::new(out, schema(self.fields)?, Arc::new(properties))?;
        let mut group = writer.next_row_group()?;
        for column in &self.columns {
            let mut writer = group.next_column()?.ok_or_else(|| ParquetError::General("a column is missing".into()))?;
            if let Some(column) = column {
                column.write(&mut writer)?;
            }
            writer.close()?;
        }
        group.close()?;
        writer.close()?;
        Ok(())
    }

    /// Reads a file; of its columns those that `wanted` accepts and that the file has.
    pub(crate) fn read(
        file: impl ChunkReader + 'static,
        fields: &'static [Field],
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Self> {
        let reader = SerializedFileReader::new(file)?;
        let metadata = reader.metadata();
        let known: Vec<String> =
            metadata.file_metadata().schema_descr().columns().iter().map(|column| column.name().to_owned()).collect();
        let rows = usize::try_from(metadata.file_metadata().num_rows()).unwrap_or_default();
        let mut columns: Vec<Option<Column>> =
            fields.iter().map(|(name, kind)| wanted(name).then(|| Column::new(*kind))).collect();
        for group in 0..metadata.num_row_groups() {
            let group = reader.get_row_group(group)?;
            for ((name, _), column) in fields.iter().zip(&mut columns) {
                let Some(column) = column else { continue };
                // A file of an older version may lack columns.
                let Some(at) = known.iter().position(|known| known == name) else { continue };
                column.read(&*group, at)?;
            }
        }
        Ok(Self { fields, columns, rows })
    }
}

impl Column {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(Vec::new()),
            Kind::Integer | Kind::Moment => Self::Integer(Vec::new()),
            Kind::Number => Self::Number(Vec::new()),
            Kind::Flag => Self::Flag(Vec::new()),
        }
    }

    /// Adds a value; one of another kind is a missing one.
    fn push(&mut self, cell: Option<Cell>) {
        match (self, cell) {
            (Self::Text(values), Some(Cell::Text(value))) => values.push(value.map(|text| text.into_bytes().into())),
            (Self::Integer(values), Some(Cell::Integer(value))) => values.push(value),
            (Self::Number(values), Some(Cell::Number(value))) => values.push(value),
            (Self::Flag(values), Some(Cell::Flag(value))) => values.push(value),
            (Self::Text(values), _) => values.push(None),
            (Self::Integer(values), _) => values.push(None),
            (Self::Number(values), _) => values.push(None),
            (Self::Flag(values), _) => values.push(None),
        }
    }

    fn write(&self, writer: &mut SerializedColumnWriter<'_>) -> Result<()> {
        fn split<T: Clone>(values: &[Option<T>]) -> (Vec<T>, Vec<i16>) {
            (
                values.iter().flatten().cloned().collect(),
                values.iter().map(|value| i16::from(value.is_some())).collect(),
            )
        }
        match (self, writer.untyped()) {
            (Self::Text(values), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                let (values, levels) = split(values);
                writer.write_batch(&values, Some(&levels), None)?;
            }
            (Self::Integer(values), ColumnWriter::Int64ColumnWriter(writer)) => {
                let (values, levels) = split(values);
                writer.write_batch(&values, Some(&levels), None)?;
            }
            (Self::Number(values), ColumnWriter::DoubleColumnWriter(writer)) => {
                let (values, levels) = split(values);
                writer.write_batch(&values, Some(&levels), None)?;
            }
            (Self::Flag(values), ColumnWriter::BoolColumnWriter(writer)) => {
                let (values, levels) = split(values);
                writer.write_batch(&values, Some(&levels), None)?;
            }
            _ => return Err(ParquetError::General("a column has another type".into())),
        }
        Ok(())
    }

    fn read(&mut self, group: &dyn RowGroupReader, at: usize) -> Result<()> {
        fn join<T: DataType>(
            reader: &mut parquet::column::reader::ColumnReaderImpl<T>,
            rows: usize,
            into: &mut Vec<Option<T::T>>,
        ) -> Result<()> {
            let (mut levels, mut values) = (Vec::new(), Vec::new());
            let mut left = rows;
            while left > 0 {
                let (read, _, _) = reader.read_records(left, Some(&mut levels), None, &mut values)?;
                if read == 0 {
                    return Err(ParquetError::EOF("a column ends early".into()));
                }
                left -= read;
            }
            let mut values = values.into_iter();
            into.extend(levels.into_iter().map(|level| if level > 0 { values.next() } else { None }));
            Ok(())
        }
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or_default();
        match (self, group.get_column_reader(at)?) {
            (Self::Text(values), ColumnReader::ByteArrayColumnReader(mut reader)) => join(&mut reader, rows, values),
            (Self::Integer(values), ColumnReader::Int64ColumnReader(mut reader)) => join(&mut reader, rows, values),
            (Self::Number(values), ColumnReader::DoubleColumnReader(mut reader)) => join(&mut reader, rows, values),
            (Self::Flag(values), ColumnReader::BoolColumnReader(mut reader)) => join(&mut reader, rows, values),
            _ => Err(ParquetError::General("a column has another type".into())),
        }
    }
}

fn schema(fields: &[Field]) -> Result<TypePtr> {
    let columns = fields.iter().map(|(name, kind)| {
        let (physical, logical) = match kind {
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Integer => (Physical::INT64, None),
            Kind::Moment => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
            Kind::Number => (Physical::DOUBLE, None),
            Kind::Flag => (Physical::BOOLEAN, None),
        };
        let column = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()?;
        Ok(Arc::new(column))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(Type::group_type_builder("episodes").with_fields(columns).build()?))
}
