//! Programs beside PID 1.

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures::{StreamExt, TryStreamExt};
use jackin_plan::world::ContainerId;

use super::connect::bounded;
use super::{DockerEngine, limit};
use crate::docker::{EngineError, EngineErrorCause, ExecStream, Operation};

/// How much of what a program prints is taken at once.
const CAPACITY: usize = 64 * 1024;

impl DockerEngine {
    pub(super) async fn exec(&self, id: &ContainerId, command: &[String]) -> Result<ExecStream, EngineError> {
        let operation = Operation::Exec;
        let client = self.client(operation, &id.0).await?;
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            ..CreateExecOptions::default()
        };
        let exec = bounded(operation, &id.0, limit::WRITE, client.create_exec(&id.0, options)).await?.id;
        let options = StartExecOptions { output_capacity: Some(CAPACITY), ..StartExecOptions::default() };
        match bounded(operation, &id.0, limit::WRITE, client.start_exec(&exec, Some(options))).await? {
            StartExecResults::Attached { output, input } => {
                let output = output.map_err(std::io::Error::other).and_then(async |piece| match piece {
                    LogOutput::StdErr { message } => {
                        Err(std::io::Error::other(String::from_utf8_lossy(&message).trim().to_owned()))
                    }
                    LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
                        Ok(message)
                    }
                });
                Ok(ExecStream { input, output: output.boxed() })
            }
            StartExecResults::Detached => {
                let message = "it let go of the program's streams".to_owned();
                Err(EngineError::new(operation, &id.0, EngineErrorCause::Refused { status: 500, message }))
            }
        }
    }
}
