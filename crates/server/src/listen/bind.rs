//! Where a listener listens.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixStream};

/// Connections the kernel keeps for us until they are accepted.
const BACKLOG: u32 = 4096;
/// The permissions of a unix socket: its owner and its group.
const SOCKET_MODE: u32 = 0o660;

/// An address to listen on: `IP:port`, or `unix:/path`.
///
/// ```
/// use keyward_server::listen::ListenAddress;
///
/// let address: ListenAddress = "127.0.0.1:8081".parse()?;
/// assert!(address.is_local());
/// let address: ListenAddress = "unix:/run/keyward/gate.sock".parse()?;
/// assert_eq!(address.to_string(), "unix:/run/keyward/gate.sock");
/// assert!("localhost:8080".parse::<ListenAddress>().is_err());
/// # Ok::<(), keyward_server::listen::ListenError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// A TCP address; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// The path of a unix socket.
    Unix(PathBuf),
}

impl ListenAddress {
    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl FromStr for ListenAddress {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let malformed = || ListenError::Malformed { text: text.to_owned() };
        match text.strip_prefix("unix:") {
            Some(path) if Path::new(path).is_absolute() => Ok(Self::Unix(PathBuf::from(path))),
            Some(_) => Err(malformed()),
            None => text.parse().map(Self::Tcp).map_err(|_| malformed()),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Why a listener cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Not an address.
    #[error("`{text}` is not an address to listen on; write IP:port or unix:/absolute/path")]
    Malformed {
        /// What was given.
        text: String,
    },
    /// Another process listens there.
    #[error("{address} is in use; stop the process that listens there or choose another address")]
    InUse {
        /// Where.
        address: ListenAddress,
    },
    /// The path of a unix socket is taken by something that is not a socket.
    #[error("{address} exists and is not a socket; remove the file or choose another path")]
    NotASocket {
        /// Where.
        address: ListenAddress,
    },
    /// Any other refusal of the system.
    #[error("cannot listen on {address}: {source}; {}", advice(source))]
    Refused {
        /// Where.
        address: ListenAddress,
        /// What the system said.
        source: io::Error,
    },
}

fn advice(source: &io::Error) -> &'static str {
    let kind = source.kind();
    if kind == io::ErrorKind::PermissionDenied {
        "use a port above 1023 or grant the permission"
    } else if kind == io::ErrorKind::AddrNotAvailable {
        "choose an address of this machine"
    } else if kind == io::ErrorKind::NotFound {
        "create the folder first"
    } else {
        "choose another address"
    }
}

/// A socket that listens.
#[derive(Debug)]
pub enum Bound {
    /// On TCP.
    Tcp(TcpListener),
    /// On a unix socket; its file is removed when listening ends.
    Unix(UnixListener, SocketFile),
}

impl Bound {
    /// Where it listens, with the port the system chose.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<ListenAddress> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(ListenAddress::Tcp),
            Self::Unix(_, file) => Ok(ListenAddress::Unix(file.path.clone())),
        }
    }
}

/// The file of a unix socket, removed on drop if it is still ours.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    inode: Option<(u64, u64)>,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.inode.is_some() && inode(&self.path) == self.inode {
            // Nothing is lost when this fails: the next start removes a stale socket.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// Starts to listen.
///
/// # Errors
/// The address is in use or not ours; the message names it and says what to do.
pub async fn bind(address: &ListenAddress) -> Result<Bound, ListenError> {
    let result = match address {
        ListenAddress::Tcp(tcp) => bind_tcp(*tcp).map(Bound::Tcp),
        ListenAddress::Unix(path) => {
            clear_stale_socket(address, path).await?;
            bind_unix(path)
        }
    };
    result.map_err(|source| {
        let address = address.clone();
        if source.kind() == io::ErrorKind::AddrInUse {
            ListenError::InUse { address }
        } else {
            ListenError::Refused { address, source }
        }
    })
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn bind_unix(path: &Path) -> io::Result<Bound> {
    let listener = UnixListener::bind(path)?;
    let file = SocketFile { path: path.to_path_buf(), inode: inode(path) };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
    Ok(Bound::Unix(listener, file))
}

/// Removes a socket file that no process listens on any more.
async fn clear_stale_socket(address: &ListenAddress, path: &Path) -> Result<(), ListenError> {
    let refused = |source| ListenError::Refused { address: address.clone(), source };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refused(error)),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(ListenError::NotASocket { address: address.clone() });
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(ListenError::InUse { address: address.clone() }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(refused)
        }
        Err(error) => Err(refused(error)),
    }
}
