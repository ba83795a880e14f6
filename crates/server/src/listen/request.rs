//! One request: what is checked after parsing, and the limits on its body.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{AUTHORIZATION, CONNECTION, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::Sleep;
use tower::Service;

use super::Limits;
use super::connection::ConnectionContext;
use super::liveness::{ActiveRequest, Liveness};

/// Answers one request.
///
/// # Errors
/// An HTTP/2 request that contradicts itself; the library resets its stream.
pub(super) async fn answer<S, B>(
    context: Arc<ConnectionContext<S>>,
    request: Request<Incoming>,
) -> Result<Response<TrackedBody<B>>, h2::Error>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone,
{
    let active = context.liveness.begin_request();
    let (mut parts, body) = request.into_parts();
    let name = context.name;
    if context.http2 {
        context.liveness.head_ended();
        if let Some(cause) = contradiction(&parts) {
            super::count_refusal(name, cause);
            return Err(h2::Reason::PROTOCOL_ERROR.into());
        }
        if parts.headers.get_all(AUTHORIZATION).iter().nth(1).is_some() {
            super::count_refusal(name, "repeated_header");
            return Ok(refusal(StatusCode::BAD_REQUEST, true, active));
        }
    }
    drop_underscored(&mut parts.headers, name);

    if body.is_end_stream() {
        let request = Request::from_parts(parts, RequestBody::Empty);
        return Ok(match route(context.service.clone(), request).await {
            Some(response) => response.map(|body| TrackedBody::new(body, active)),
            None => panicked(&context, active),
        });
    }
    let max = body_bytes_max(&context.limits, parts.uri.path());
    if body.size_hint().lower() > max {
        super::count_refusal(name, BodyFault::TooLarge.cause());
        return Ok(refusal(StatusCode::PAYLOAD_TOO_LARGE, context.http2, active));
    }
    let (body, faults) =
        LimitedBody::new(body, max, context.limits.body_timeout, &context.liveness);
    let request = Request::from_parts(parts, RequestBody::Limited(body));
    let Some(response) = route(context.service.clone(), request).await else {
        return Ok(panicked(&context, active));
    };
    Ok(match faults.get() {
        // A handler that succeeded without the rest of the body knows best.
        Some(fault) if !response.status().is_success() => {
            super::count_refusal(name, fault.cause());
            refusal(fault.status(), context.http2, active)
        }
        Some(_) | None => response.map(|body| TrackedBody::new(body, active)),
    })
}

/// Runs the service; None when it panicked. The panic hook has reported it by then.
async fn route<S, B>(mut service: S, request: Request<RequestBody>) -> Option<Response<B>>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
{
    let future = catch_unwind(AssertUnwindSafe(|| service.call(request))).ok()?;
    let mut future = pin!(future);
    let result: Option<Result<_, Infallible>> =
        poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Ready(result)) => Poll::Ready(Some(result)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_panic) => Poll::Ready(None),
        })
        .await;
    let Ok(response) = result?;
    Some(response)
}

fn panicked<S, B>(
    context: &ConnectionContext<S>,
    active: ActiveRequest,
) -> Response<TrackedBody<B>> {
    tracing::error!(listener = context.name, "a request handler panicked, answered 500");
    super::count_refusal(context.name, "panic");
    refusal(StatusCode::INTERNAL_SERVER_ERROR, context.http2, active)
}

fn refusal<B>(status: StatusCode, http2: bool, active: ActiveRequest) -> Response<TrackedBody<B>> {
    let mut response = Response::new(TrackedBody { body: None, _active: active });
    *response.status_mut() = status;
    if !http2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What an HTTP/2 request says twice and differently about where it goes, if anything.
fn contradiction(parts: &Parts) -> Option<&'static str> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Some("repeated_header");
    }
    if parts.method == Method::CONNECT {
        return Some("request_line");
    }
    match (parts.uri.authority(), host) {
        (None, None) => Some("host_missing"),
        (Some(authority), Some(host)) => {
            let same = host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes());
            (!same).then_some("host_contradiction")
        }
        (Some(_), None) | (None, Some(_)) => None,
    }
}

/// Removes headers whose name holds an underscore.
///
/// Security: many applications and CGI-style gateways read `X_Forwarded_For` as
/// `X-Forwarded-For`. No header here has an underscore, so none is missed.
fn drop_underscored(headers: &mut HeaderMap, listener: &'static str) {
    let underscored = |name: &&HeaderName| name.as_str().bytes().any(|byte| byte == b'_');
    if headers.keys().find(underscored).is_none() {
        return;
    }
    let names: Vec<HeaderName> = headers.keys().filter(underscored).cloned().collect();
    for name in &names {
        headers.remove(name);
    }
    metrics::counter!("keyward_listener_underscore_headers_total", "listener" => listener)
        .increment(names.len() as u64);
}

fn body_bytes_max(limits: &Limits, path: &str) -> u64 {
    let exception = limits.body_bytes_at.iter().find(|(suffix, _)| path.ends_with(suffix));
    exception.map_or(limits.body_bytes, |(_, bytes)| *bytes)
}

/// What was wrong with a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[repr(u8)]
pub enum BodyFault {
    /// Over [`Limits::body_bytes`].
    #[error("the request body is too large")]
    TooLarge = 1,
    /// Over [`Limits::body_timeout`].
    #[error("the request body came too slowly")]
    TooSlow = 2,
    /// Not what was announced.
    #[error("the request body is incomplete or its framing is malformed")]
    Broken = 3,
}

impl BodyFault {
    fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }

    fn cause(self) -> &'static str {
        match self {
            Self::TooLarge => "body_too_large",
            Self::TooSlow => "body_timeout",
            Self::Broken => "body_broken",
        }
    }
}

/// The fault of one body, seen by the body and by whoever answers.
#[derive(Debug, Clone, Default)]
struct Faults(Arc<AtomicU8>);

impl Faults {
    fn set(&self, fault: BodyFault) -> BodyFault {
        self.0.store(fault as u8, Ordering::Release);
        fault
    }

    fn get(&self) -> Option<BodyFault> {
        match self.0.load(Ordering::Acquire) {
            0 => None,
            1 => Some(BodyFault::TooLarge),
            2 => Some(BodyFault::TooSlow),
            _ => Some(BodyFault::Broken),
        }
    }
}

/// The body of a request, as a handler gets it.
#[derive(Debug)]
pub enum RequestBody {
    /// There is none.
    Empty,
    /// With a size limit and a deadline.
    Limited(LimitedBody),
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Limited(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Limited(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Limited(body) => body.size_hint(),
        }
    }
}

/// A request body with a size limit and a deadline.
#[derive(Debug)]
pub struct LimitedBody {
    body: Incoming,
    bytes_left: u64,
    timeout: Duration,
    /// Set when the body first has to be waited for: bodies that came with their head cost no timer.
    deadline: Option<Pin<Box<Sleep>>>,
    faults: Faults,
    liveness: Arc<Liveness>,
    failed: bool,
}

impl LimitedBody {
    fn new(
        body: Incoming,
        max: u64,
        timeout: Duration,
        liveness: &Arc<Liveness>,
    ) -> (Self, Faults) {
        let faults = Faults::default();
        let limited = Self {
            body,
            bytes_left: max,
            timeout,
            deadline: None,
            faults: faults.clone(),
            liveness: Arc::clone(liveness),
            failed: false,
        };
        (limited, faults)
    }

    fn fail(&mut self, fault: BodyFault) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        self.failed = true;
        Poll::Ready(Some(Err(self.faults.set(fault))))
    }
}

impl Body for LimitedBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let me = &mut *self;
        if me.failed {
            return Poll::Ready(None);
        }
        match Pin::new(&mut me.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                match me.bytes_left.checked_sub(bytes) {
                    Some(left) => me.bytes_left = left,
                    None => return me.fail(BodyFault::TooLarge),
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                let malformed = me.liveness.is_body_broken();
                tracing::debug!(%error, malformed, "a request body could not be read");
                me.fail(BodyFault::Broken)
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                let timeout = me.timeout;
                let deadline =
                    me.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
                match deadline.as_mut().poll(cx) {
                    Poll::Ready(()) => me.fail(BodyFault::TooSlow),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.failed || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response body that keeps its request counted as active until it is sent or dropped.
#[derive(Debug)]
pub(super) struct TrackedBody<B> {
    /// None for an answer without body that is ours and not the handler's.
    body: Option<B>,
    _active: ActiveRequest,
}

impl<B> TrackedBody<B> {
    fn new(body: B, active: ActiveRequest) -> Self {
        Self { body: Some(body), _active: active }
    }
}

impl<B: Body + Unpin> Body for TrackedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
