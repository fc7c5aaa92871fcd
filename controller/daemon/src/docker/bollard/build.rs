//! Building an image: with the classic builder, which every engine has and which needs no session. The other one is in `buildkit`.

use std::time::Instant;

use bollard::models::BuildInfo;
use bollard::query_parameters::BuildImageOptions;
use futures::{Stream, TryStreamExt};
use jackin_plan::world::{BuildRequest, BuildStep, Builder, ImageId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, cause_of_disk, classify};
use super::upload::upload;
use super::{DockerEngine, limit};
use crate::docker::{Archive, BuildMaterial, BuildProgress, EngineError, EngineErrorCause, Operation};

/// Lines of output that a failure carries.
pub(super) const TAIL: usize = 20;

impl DockerEngine {
    pub(super) async fn build(
        &self,
        request: &BuildRequest,
        material: BuildMaterial,
        progress: mpsc::UnboundedSender<BuildProgress>,
        cancel: CancellationToken,
    ) -> Result<ImageId, EngineError> {
        match request.builder {
            Builder::Classic => self.build_classic(request, material.context, progress, cancel).await,
            Builder::BuildKit => self.build_with_buildkit(request, material, progress, cancel).await,
        }
    }

    pub(super) async fn build_classic(
        &self,
        request: &BuildRequest,
        context: Archive,
        progress: mpsc::UnboundedSender<BuildProgress>,
        cancel: CancellationToken,
    ) -> Result<ImageId, EngineError> {
        let operation = Operation::BuildImage;
        let object = request.tags.first().map_or("", String::as_str);
        let client = self.client(operation, object).await?;
        let (body, fault) = upload(context);
        let mut transcript = Transcript::new(progress);
        let running = async {
            let mut news = client.build_image(options(request), None, Some(body)).map_err(classify);
            while let Some(news) = self.hear_of_build(&mut news).await? {
                transcript.hear(news);
            }
            Ok(())
        };
        // Dropping the request closes its connection, and the engine then stops the step that runs.
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(EngineError::new(operation, object, EngineErrorCause::Cancelled)),
            ended = running => ended,
        };
        let failed = |cause| fault.explain(EngineError::new(operation, object, cause));
        let id = match ended {
            Ok(()) => transcript.finish().map_err(failed)?,
            Err(failure) => return Err(failed(transcript.failure(failure))),
        };
        for tag in request.tags.iter().skip(1) {
            self.tag(&id, tag).await?;
        }
        Ok(id)
    }

    /// The next news of a build. An engine that is silent is asked whether it is there at all, and given up when it does not say so.
    pub(super) async fn hear_of_build<News>(
        &self,
        news: &mut (impl Stream<Item = Result<News, Failure>> + Unpin + Send),
    ) -> Result<Option<News>, Failure> {
        let begun = tokio::time::Instant::now();
        loop {
            match tokio::time::timeout(limit::BUILD_SILENCE, news.try_next()).await {
                Ok(heard) => return heard,
                Err(_) if begun.elapsed() >= limit::BUILD => {
                    return Err(Failure::Other(EngineErrorCause::Timeout { after: limit::BUILD }));
                }
                Err(_) => _ = self.who_answers().await.map_err(|error| Failure::Other(error.cause))?,
            }
        }
    }
}

fn options(request: &BuildRequest) -> BuildImageOptions {
    let BuildRequest { tags, dockerfile, labels, no_cache, build_args, target, builder: _ } = request;
    BuildImageOptions {
        t: tags.first().cloned(),
        dockerfile: dockerfile.clone(),
        labels: Some(labels.clone().into_iter().collect()),
        buildargs: Some(build_args.clone().into_iter().collect()),
        nocache: *no_cache,
        target: target.clone().unwrap_or_default(),
        q: false,
        rm: true,
        // With `rm` alone a failing step leaves its container behind.
        forcerm: true,
        ..BuildImageOptions::default()
    }
}

/// What the engine has told so far.
struct Transcript {
    progress: mpsc::UnboundedSender<BuildProgress>,
    /// Output after the last line break.
    rest: String,
    tail: Vec<String>,
    step: Option<(BuildStep, Instant)>,
    image: Option<String>,
}

impl Transcript {
    fn new(progress: mpsc::UnboundedSender<BuildProgress>) -> Self {
        Self { progress, rest: String::new(), tail: Vec::new(), step: None, image: None }
    }

    fn hear(&mut self, news: BuildInfo) {
        if let Some(id) = news.aux.and_then(|aux| aux.id) {
            self.image = Some(id);
        }
        self.rest.push_str(&news.stream.or(news.status.map(|status| status + "\n")).unwrap_or_default());
        while let Some((line, rest)) = self.rest.split_once('\n') {
            let (line, rest) = (line.trim_end_matches('\r').to_owned(), rest.to_owned());
            self.rest = rest;
            self.line(line);
        }
    }

    fn line(&mut self, line: String) {
        if let Some(instruction) = step_header(&line) {
            self.end_step();
            let step = BuildStep { instruction: instruction.to_owned(), duration_ms: 0, cached: false };
            self.step = Some((step, Instant::now()));
        } else if line.starts_with(" ---> Using cache")
            && let Some((step, _)) = &mut self.step
        {
            step.cached = true;
        }
        if !line.is_empty() {
            self.tail.push(line.clone());
            let surplus = self.tail.len().saturating_sub(TAIL);
            self.tail.drain(..surplus);
            self.tell(BuildProgress::Line(line));
        }
    }

    fn end_step(&mut self) {
        if let Some((mut step, begun)) = self.step.take() {
            step.duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.tell(BuildProgress::Step(step));
        }
    }

    fn tell(&self, news: BuildProgress) {
        // Nobody need listen.
        let _ = self.progress.send(news);
    }

    /// The image, when the engine closed the stream without an error.
    fn finish(&mut self) -> Result<ImageId, EngineErrorCause> {
        self.end_step();
        let silent = || EngineErrorCause::Unreachable {
            source: std::sync::Arc::new(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)),
        };
        self.image.take().map(ImageId).ok_or_else(silent)
    }

    fn failure(self, failure: Failure) -> EngineErrorCause {
        build_failure(failure, self.step.map(|(step, _)| step.instruction), self.tail)
    }
}

/// What a failure means for a build that got as far as this instruction, with the last lines of its output.
pub(super) fn build_failure(failure: Failure, instruction: Option<String>, tail: Vec<String>) -> EngineErrorCause {
    match failure {
        Failure::Answer { message, .. } if lost_layer(&message) => {
            EngineErrorCause::BadAnswer { source: std::sync::Arc::new(std::io::Error::other(message)) }
        }
        Failure::Answer { status, message }
            if cause_of_disk(&message).is_none() && (instruction.is_some() || blames_input(status, &message)) =>
        {
            EngineErrorCause::BuildFailed { instruction, exit_code: exit_code(&message), message, tail }
        }
        failure => failure.into_error(Operation::BuildImage, "").cause,
    }
}

/// Whether the engine lost a cached layer between two steps: somebody removed the last image on it, and the next try makes it anew.
fn lost_layer(message: &str) -> bool {
    message.contains("failed to get digest sha256:")
}

/// Whether a build that never began failed for what we sent.
fn blames_input(status: u16, message: &str) -> bool {
    status == 400 || message.to_lowercase().contains("dockerfile")
}

/// The instruction in `Step 2/7 : RUN make`.
fn step_header(line: &str) -> Option<&str> {
    let (numbers, instruction) = line.strip_prefix("Step ")?.split_once(" : ")?;
    let (number, of) = numbers.split_once('/')?;
    let counts = [number, of].iter().all(|text| text.parse::<u32>().is_ok());
    counts.then_some(instruction)
}

/// The number at the end of `… returned a non-zero code: 3` and `… exit code: 3`; wordings differ by engine, the end does not.
fn exit_code(message: &str) -> Option<i64> {
    message.trim_end().rsplit_once("code: ")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(transcript: &mut Transcript, text: &str) {
        transcript.hear(BuildInfo { stream: Some(text.to_owned()), ..BuildInfo::default() });
    }

    #[test]
    fn a_layer_that_the_engine_lost_meanwhile_is_no_failed_instruction() {
        let (progress, _heard) = mpsc::unbounded_channel();
        let mut transcript = Transcript::new(progress);
        said(&mut transcript, "Step 1/2 : FROM tiny\n ---> 0123\nStep 2/2 : LABEL a=b\n ---> Running in 4567\n");
        let message =
            "failed to get digest sha256:2fa0: open /content/sha256/2fa0: no such file or directory".to_owned();
        let cause = transcript.failure(Failure::Answer { status: 500, message });
        assert!(EngineError::new(Operation::BuildImage, "x", cause).is_unknown());
    }

    #[test]
    fn a_failure_names_the_instruction_that_ran_and_its_exit_code() {
        let (progress, mut heard) = mpsc::unbounded_channel();
        let mut transcript = Transcript::new(progress);
        said(&mut transcript, "Step 1/2 : FROM tiny\n ---> 0123\nStep 2/2 : RUN fal");
        said(&mut transcript, "se\n ---> Running in 4567\noops\n");
        let answer = Failure::Answer { status: 500, message: "The command returned a non-zero code: 3".to_owned() };
        let EngineErrorCause::BuildFailed { instruction, exit_code, tail, .. } = transcript.failure(answer) else {
            panic!("not a failed build");
        };
        assert_eq!((instruction.as_deref(), exit_code), (Some("RUN false"), Some(3)));
        assert_eq!(tail.last().map(String::as_str), Some("oops"));
        let mut steps = Vec::new();
        while let Ok(news) = heard.try_recv() {
            if let BuildProgress::Step(step) = news {
                steps.push((step.instruction, step.cached));
            }
        }
        assert_eq!(steps, [("FROM tiny".to_owned(), false)]);
    }

    #[test]
    fn output_that_looks_like_a_step_is_not_one() {
        assert_eq!(step_header("Step one/two : hello"), None);
        assert_eq!(step_header("Step 1/2 : RUN echo : x"), Some("RUN echo : x"));
    }
}
