//! The floor: a bare PTY joined to one loopback TCP connection, nothing logged, nothing encrypted.

use anyhow::{Context, Result};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::net::TcpListener;

/// Runs `bench floor CMD…`: prints its port, takes one connection, ends with it.
pub fn serve(command: &[String]) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    std::io::stdout().flush()?;
    let (mut socket, _) = listener.accept()?;
    socket.set_nodelay(true)?;

    let pair = native_pty_system().openpty(PtySize { rows: 24, cols: 80, ..PtySize::default() })?;
    let (program, arguments) = command.split_first().context("no command")?;
    let mut builder = CommandBuilder::new(program);
    builder.args(arguments);
    let mut child = pair.slave.spawn_command(builder)?;
    drop(pair.slave);
    let mut output = pair.master.try_clone_reader()?;
    let mut input = pair.master.take_writer()?;

    let mut from = socket.try_clone()?;
    std::thread::spawn(move || {
        let mut buffer = vec![0; 32 * 1024];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if input.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
    });
    let mut buffer = vec![0; 32 * 1024];
    // EIO is how a PTY says that its last program is gone.
    while let Ok(n @ 1..) = output.read(&mut buffer) {
        if socket.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    child.kill().ok();
    child.wait()?;
    Ok(())
}
