//! How a delimited file is laid out.

/// The declaration of a delimited file.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Name of the layout; the tag of each tree's root.
    pub name: String,
    /// Between two fields.
    pub delimiter: u8,
    /// Around fields that hold a delimiter or a line end; none where fields are never quoted.
    pub quote: Option<u8>,
    /// Whether the first row names the columns.
    pub header: bool,
    /// The columns that must be there, in the order they are written. Without a header their order
    /// is that of the file.
    pub columns: Vec<String>,
    /// Columns that may be missing.
    pub optional: Vec<String>,
    /// Columns whose values, taken together, tell one document's rows from another's. Empty: the
    /// whole file is one document.
    pub group_by: Vec<String>,
    /// Rows that stand together within a document, such as those of one carton. None: rows stand directly in
    /// the document.
    pub inner: Option<Inner>,
    /// Columns that must differ between the rows of a document, such as the line number.
    pub unique: Vec<String>,
    /// Character encoding, such as `utf-8` or `windows-1252`.
    pub encoding: &'static encoding_rs::Encoding,
    /// Between whole and fraction of a number.
    pub decimal_mark: char,
    /// Ends a row when written.
    pub line_end: LineEnd,
    /// Kinds of rows, told apart by their first field. Empty: all rows are alike.
    pub records: Vec<RecordType>,
}

/// Rows of a document that stand together below a node of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inner {
    /// The tag of that node.
    pub name: String,
    /// Columns that have the same values in such rows. They are the node's, not the rows'.
    pub by: Vec<String>,
}

/// Ends a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// Line feed.
    Lf,
    /// Carriage return and line feed.
    CrLf,
}

/// One kind of row in a file with header, detail and trailer rows.
#[derive(Clone, Debug)]
pub struct RecordType {
    /// What stands in the first field.
    pub tag: String,
    /// Names of the fields, the first among them.
    pub columns: Vec<String>,
    /// What the row is to the file.
    pub role: Role,
}

/// What a row is to its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Begins a document.
    Start,
    /// Belongs to the document before it.
    Detail,
    /// Stands once, at the end of the file; the column counts the rows between header and trailer.
    Trailer {
        /// Column with the number of rows that are neither of the file's header nor its trailer.
        count: Option<String>,
    },
    /// Stands once, at the start of the file, outside all documents.
    FileHeader,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            name: String::from("delimited"),
            delimiter: b',',
            quote: Some(b'"'),
            header: true,
            columns: Vec::new(),
            optional: Vec::new(),
            group_by: Vec::new(),
            inner: None,
            unique: Vec::new(),
            encoding: encoding_rs::UTF_8,
            decimal_mark: '.',
            line_end: LineEnd::Lf,
            records: Vec::new(),
        }
    }
}
