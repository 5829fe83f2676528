//! How the autoscalers of Kubernetes see a service that runs on ECS, and how they see one that runs
//! on Kubernetes.
//!
//! On ECS there is what `CloudWatch` publishes: points of 20 seconds at the finest, some seconds
//! after they ended, for them as for everybody. On a Kubernetes cluster metrics-server and Knative
//! ask the pods themselves. The first compares rules, all else being equal; the second compares a
//! rule of ours with a cluster of theirs. Both are to be had, and which one it is, is told.

use super::world::World;

/// Seconds of a point of `CloudWatch`, at the finest that ECS publishes.
const FINEST: u64 = 20;
/// Seconds of a sample of metrics-server, by default.
const SAMPLE: u64 = 15;

/// How those see the service that do not live on `CloudWatch` by themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Telemetry {
    /// As everybody on ECS: by points of 20 seconds, with the delay of the run.
    #[default]
    Published,
    /// As on a Kubernetes cluster of their own, which sees pods at once.
    Own,
}

/// A time that lies in the past, and of which something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// When it began.
    pub(super) from: u64,
    /// How long it was, in seconds.
    pub(super) seconds: u64,
}

impl Span {
    /// When it ended.
    pub(super) fn end(self) -> u64 {
        self.from + self.seconds
    }
}

impl Telemetry {
    /// The newest sample of CPU that is there.
    pub(super) fn sample(self, world: &World<'_>) -> Option<Span> {
        let (seconds, delay) = match self {
            Self::Published => (FINEST, world.setup().delays.high_resolution),
            Self::Own => (SAMPLE, 0),
        };
        let from = world.newest(seconds, delay)?;
        Some(Span { from, seconds })
    }

    /// The requests per second over a window of so many seconds, which ends with what is known:
    /// now, or with the newest point. No window is shorter than a point, and one that is no
    /// multiple of it knows of its oldest point the part that it needs.
    pub(super) fn demand(self, world: &World<'_>, window: u64) -> Option<f64> {
        let (end, window) = match self {
            Self::Published => (self.sample(world)?.end(), window.max(FINEST)),
            Self::Own => (world.now(), window),
        };
        let from = end.cast_signed() - window.cast_signed();
        Some(world.trace.mean(from, end))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Setup;
    use super::super::trace::Trace;
    use super::*;

    #[test]
    fn on_ecs_a_sample_is_a_point_that_was_published() {
        let trace = Trace::step(10.0, 40.0, 600, 1200);
        let setup = Setup::with_capacity(10.0);
        let mut world = World::new(&trace, &setup, 10);
        world.advance(634);
        let span = |from, seconds| Some(Span { from, seconds });
        assert_eq!(Telemetry::Published.sample(&world), span(580, 20));
        assert_eq!(Telemetry::Own.sample(&world), span(615, 15));
        world.advance(635);
        assert_eq!(Telemetry::Published.sample(&world), span(600, 20));
    }

    #[test]
    fn a_window_ends_with_the_newest_point_and_is_no_shorter_than_one() {
        let trace = Trace::step(10.0, 40.0, 600, 1200);
        let setup = Setup::with_capacity(10.0);
        let mut world = World::new(&trace, &setup, 10);
        world.advance(640);
        let seen = |telemetry: Telemetry, window| telemetry.demand(&world, window);
        assert_eq!(seen(Telemetry::Own, 60), Some(30.0));
        assert_eq!(seen(Telemetry::Own, 6), Some(40.0));
        assert_eq!(seen(Telemetry::Published, 60), Some(20.0));
        assert_eq!(seen(Telemetry::Published, 40), Some(25.0));
        assert_eq!(seen(Telemetry::Published, 6), Some(40.0));
    }
}
