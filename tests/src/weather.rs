//! Bad weather between two programs that speak TCP: a proxy that delays, swallows and cuts. What it delays stays in order, as TCP
//! has it after lost and reordered packets; what it swallows comes when it clears up, unless the connection was cut meanwhile.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Chunks that are on their way at once in one direction; then the sender is held up.
const ON_THE_WAY: usize = 256;

#[derive(Default)]
struct State {
    delay: AtomicU64,
    swallows: Mutex<bool>,
    clears: Condvar,
    open: Mutex<Vec<TcpStream>>,
    truncates: AtomicBool,
    number: AtomicU64,
}

/// The proxy; it ends with the process.
pub struct Weather {
    /// Where to connect instead.
    pub address: SocketAddr,
    state: Arc<State>,
}

impl Weather {
    /// Between whoever connects and `to`.
    ///
    /// # Errors
    /// When no socket can be had.
    pub fn before(to: SocketAddr) -> Result<Weather> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let weather = Weather { address: listener.local_addr()?, state: Arc::default() };
        let state = weather.state.clone();
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let state = state.clone();
                thread::spawn(move || connect(near, to, &state));
            }
        });
        Ok(weather)
    }

    /// Everything arrives so much later, give or take a half.
    pub fn delay(&self, delay: Duration) {
        self.state.delay.store(u64::try_from(delay.as_micros()).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// Nothing arrives, and nobody is told; or again.
    pub fn swallow(&self, on: bool) {
        *self.state.swallows.lock().unwrap_or_else(PoisonError::into_inner) = on;
        self.state.clears.notify_all();
    }

    /// Every connection ends, in the middle of what is on its way.
    pub fn cut(&self) {
        self.state.truncates.store(true, Ordering::Release);
        for stream in self.state.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _gone = stream.shutdown(Shutdown::Both);
        }
        self.state.truncates.store(false, Ordering::Release);
    }
}

fn connect(near: TcpStream, to: SocketAddr, state: &Arc<State>) {
    let Ok(far) = TcpStream::connect(to) else { return };
    let pairs = [(near.try_clone(), far.try_clone()), (far.try_clone(), near.try_clone())];
    state.open.lock().unwrap_or_else(PoisonError::into_inner).extend([near, far]);
    for (from, into) in pairs {
        let (Ok(from), Ok(into)) = (from, into) else { return };
        let _slower = into.set_nodelay(true);
        let (send, due) = sync_channel(ON_THE_WAY);
        let other = state.clone();
        thread::spawn(move || read(from, &send, &other));
        let state = state.clone();
        thread::spawn(move || write(into, &due, &state));
    }
}

type Chunk = (Instant, Vec<u8>);

fn read(mut from: TcpStream, send: &std::sync::mpsc::SyncSender<Chunk>, state: &State) {
    let mut chunk = vec![0; 16 << 10];
    while let Ok(n @ 1..) = from.read(&mut chunk) {
        let delay = state.delay.load(Ordering::Acquire);
        // No randomness is needed for what is only to be uneven.
        let uneven = state.number.fetch_add(7919, Ordering::AcqRel) % (delay + 1);
        let due = Instant::now() + Duration::from_micros(delay / 2 + uneven);
        if send.send((due, chunk[..n].to_vec())).is_err() {
            return;
        }
    }
}

fn write(mut into: TcpStream, due: &Receiver<Chunk>, state: &State) {
    while let Ok((due, bytes)) = due.recv() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let mut swallows = state.swallows.lock().unwrap_or_else(PoisonError::into_inner);
        while *swallows {
            swallows = state.clears.wait(swallows).unwrap_or_else(PoisonError::into_inner);
        }
        drop(swallows);
        let whole = if state.truncates.load(Ordering::Acquire) { bytes.len() / 2 } else { bytes.len() };
        if into.write_all(&bytes[..whole]).is_err() || whole < bytes.len() {
            break;
        }
    }
    let _gone = into.shutdown(Shutdown::Both);
}
