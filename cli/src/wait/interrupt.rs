//! Ctrl-C while waiting: the waiting ends, what is waited for does not.

use std::io::Write;

/// The exit code of a program that an interrupt ended, as shells have it.
const INTERRUPTED: i32 = 130;

/// From now on, Ctrl-C says `farewell` and ends the program.
pub(crate) fn say(farewell: String) {
    // Without the handler, Ctrl-C still ends the program, only silently.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return;
    };
    std::thread::spawn(move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            let _ = writeln!(std::io::stderr(), "\n{farewell}");
            std::process::exit(INTERRUPTED);
        }
    });
}
