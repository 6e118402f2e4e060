use std::process::ExitCode;

fn main() -> ExitCode {
    rollcall::commands::run(std::env::args_os(), std::env::vars_os())
}
