//! Why a request is refused before it is parsed.

/// Why a request was refused before it was parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The request line is not `METHOD SP target SP version`.
    #[error("the request line is malformed")]
    RequestLine,
    /// The target is not origin-form (or `*` for `OPTIONS`), or holds a forbidden byte.
    #[error("the request target is not in origin form")]
    Target,
    /// The target is longer than the cap.
    #[error("the request target is too long")]
    TargetTooLong,
    /// An HTTP version other than 1.0 and 1.1.
    #[error("the HTTP version is not supported")]
    Version,
    /// A line ends in LF without CR, or a CR stands without LF.
    #[error("a line does not end in CR LF")]
    LineEnd,
    /// A header line starts with white space (obsolete folding).
    #[error("a header line is folded")]
    Fold,
    /// A header name is empty, not a token, or followed by white space.
    #[error("a header name is malformed")]
    HeaderName,
    /// A control character in a header value, or a host that cannot be one.
    #[error("a header value is malformed")]
    HeaderValue,
    /// More bytes of head than the cap.
    #[error("the request head is too long")]
    HeadTooLong,
    /// More header lines than the cap.
    #[error("there are too many header lines")]
    TooManyHeaders,
    /// HTTP/1.1 without `Host`.
    #[error("the host header is missing")]
    HostMissing,
    /// `Host`, `Content-Length`, `Transfer-Encoding` or `Authorization` is repeated.
    #[error("a header that must be single is repeated")]
    Repeated,
    /// `Content-Length` is not a plain decimal number.
    #[error("the content length is malformed")]
    ContentLength,
    /// A coding other than `chunked`, a coding on HTTP/1.0, or a coding beside a length.
    #[error("the transfer coding is not acceptable")]
    TransferEncoding,
    /// The chunked framing of a body is malformed.
    #[error("the chunked framing is malformed")]
    Chunk,
    /// The head did not arrive in time. The scanner has no clock; its user reports this one.
    #[error("the request head came too slowly")]
    TooSlow,
}

impl Violation {
    /// The status that answers it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::TooSlow => 408,
            Self::TargetTooLong => 414,
            Self::HeadTooLong | Self::TooManyHeaders => 431,
            Self::Version => 505,
            Self::RequestLine
            | Self::Target
            | Self::LineEnd
            | Self::Fold
            | Self::HeaderName
            | Self::HeaderValue
            | Self::HostMissing
            | Self::Repeated
            | Self::ContentLength
            | Self::TransferEncoding
            | Self::Chunk => 400,
        }
    }

    /// The value of the `cause` label in metrics.
    #[must_use]
    pub fn cause(self) -> &'static str {
        match self {
            Self::RequestLine => "request_line",
            Self::Target => "target",
            Self::TargetTooLong => "target_too_long",
            Self::Version => "version",
            Self::LineEnd => "line_end",
            Self::Fold => "fold",
            Self::HeaderName => "header_name",
            Self::HeaderValue => "header_value",
            Self::HeadTooLong => "head_too_long",
            Self::TooManyHeaders => "too_many_headers",
            Self::HostMissing => "host_missing",
            Self::Repeated => "repeated_header",
            Self::ContentLength => "content_length",
            Self::TransferEncoding => "transfer_encoding",
            Self::Chunk => "chunk",
            Self::TooSlow => "head_timeout",
        }
    }
}
