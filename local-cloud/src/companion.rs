//! The companion: an HTTP server in front of the emulator that behaves where it does not.
//!
//! Every call of a function, a test or the command line passes here. Most are forwarded as they
//! are; CloudFormation, Application Auto Scaling, VPC links and quotas are answered or changed on
//! the way. The product never knows.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::ListenerExt as _;
use http::{HeaderMap, Method, StatusCode};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::alarms::Watched;
use crate::bus::{self, Bus, Delivery};
use crate::calls::{Call, CallLog};
use crate::change_sets::ChangeSets;
use crate::drift::Drifts;
use crate::faults::{Fault, Faults};
use crate::operations::Operations;
use crate::registry::{self, Registry};
use crate::stood_in::StoodIn;
use crate::tokens::Tokens;
use crate::upstream::{Answer, Upstream};
use crate::wire::{self, Intent, Protocol};

/// A request on its way to the emulator.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) intent: Intent,
    pub(crate) call: Call,
}

/// What the companion knows beside the emulator.
#[derive(Debug)]
pub(crate) struct Companion {
    pub(crate) upstream: Upstream,
    pub(crate) account: String,
    /// Where it answers, without a slash at the end.
    pub(crate) endpoint: String,
    pub(crate) delay: Duration,
    pub(crate) faults: Faults,
    pub(crate) calls: CallLog,
    pub(crate) bus: Bus,
    pub(crate) operations: Operations,
    pub(crate) change_sets: ChangeSets,
    pub(crate) stood_in: StoodIn,
    pub(crate) tokens: Tokens,
    pub(crate) drifts: Drifts,
    pub(crate) registry: Registry,
    pub(crate) watched: Watched,
    /// What a refused resource says, by the word that makes the emulator fail on it.
    pub(crate) refusals: Mutex<HashMap<String, String>>,
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Companion {
    pub(crate) fn new(
        upstream: Upstream,
        account: &str,
        address: SocketAddr,
        delay: Duration,
        delivery: Delivery,
    ) -> Arc<Self> {
        Arc::new(Self {
            upstream,
            account: account.to_owned(),
            endpoint: format!("http://{address}"),
            delay,
            faults: Faults::default(),
            calls: CallLog::default(),
            bus: Bus::new(delivery),
            operations: Operations::default(),
            change_sets: ChangeSets::default(),
            stood_in: StoodIn::new(account),
            tokens: Tokens::default(),
            drifts: Drifts::default(),
            registry: Registry::default(),
            watched: Watched::default(),
            refusals: Mutex::default(),
            turns: Mutex::default(),
            tasks: Mutex::default(),
        })
    }

    /// Serves a listener until [`Self::stop`].
    pub(crate) fn serve(self: &Arc<Self>, listener: TcpListener) {
        let router = Router::new().fallback(answer).with_state(self.clone());
        self.spawn(serve(listener, router));
    }

    /// Runs something until it is done or the companion stops.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let handle = tokio::spawn(task).abort_handle();
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.is_finished());
        tasks.push(handle);
    }

    /// Ends every task and server.
    pub(crate) fn stop(&self) {
        for task in self
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
        {
            task.abort();
        }
    }

    /// Calls about one stack wait for each other, as if CloudFormation had one door per stack.
    pub(crate) async fn turn(&self, stack: &str) -> tokio::sync::OwnedMutexGuard<()> {
        // A stack goes by its name or by its id, `arn:…:stack/{name}/{uuid}`.
        let stack = stack.split('/').nth(1).unwrap_or(stack);
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.entry(stack.to_owned()).or_default().clone()
        };
        turn.lock_owned().await
    }

    /// Puts an event on the bus of a region, as reliably as the bus is set to be.
    pub(crate) fn emit(self: &Arc<Self>, event: &serde_json::Value, region: &str) {
        for delay in self.bus.draw() {
            let (upstream, event) = (self.upstream.in_region(region), event.clone());
            self.spawn(async move {
                tokio::time::sleep(delay).await;
                // A target that is gone loses its event, here as on AWS.
                let _ = bus::deliver(&upstream, &event).await;
            });
        }
    }

    /// Forwards a request as it came.
    pub(crate) async fn forward(&self, incoming: &Incoming) -> Result<Answer> {
        let Incoming {
            method,
            path,
            headers,
            body,
            ..
        } = incoming;
        self.upstream
            .forward(method.clone(), path, headers, body.clone())
            .await
    }

    async fn take(self: &Arc<Self>, incoming: Incoming) -> Result<Answer> {
        self.calls.add(incoming.call.clone());
        match self.faults.of_call(&incoming.call) {
            Some(Fault::Refuse {
                status,
                code,
                message,
            }) => Ok(wire::error(
                incoming.intent.protocol,
                status,
                &code,
                &message,
            )),
            Some(Fault::LoseAnswer) => {
                self.dispatch(&incoming).await?;
                let protocol = incoming.intent.protocol;
                Ok(wire::error(
                    protocol,
                    500,
                    "InternalFailure",
                    "The answer was lost.",
                ))
            }
            Some(_) | None => self.dispatch(&incoming).await,
        }
    }

    async fn dispatch(self: &Arc<Self>, incoming: &Incoming) -> Result<Answer> {
        let operation = incoming.intent.operation.as_str();
        match incoming.intent.service.as_str() {
            "cloudformation" if incoming.intent.protocol == Protocol::Query => {
                self.cloudformation(incoming).await
            }
            "application-autoscaling" => self.auto_scaling(incoming).await,
            "monitoring" => self.monitoring(incoming).await,
            "ecr" => self.ecr(incoming).await,
            "servicequotas" => Ok(self.service_quota(incoming)),
            "elasticloadbalancing" if operation == "DescribeAccountLimits" => {
                Ok(self.balancing_limits())
            }
            "iam" if operation == "GetAccountSummary" => self.account_summary(incoming).await,
            "ecs" if ["CreateService", "UpdateService"].contains(&operation) => {
                let upstream = self.upstream.in_region(&incoming.intent.region);
                self.exchange_task_failures(&upstream).await?;
                let answer = self.forward(incoming).await;
                self.exchange_task_failures(&upstream).await?;
                answer
            }
            "apigateway" if incoming.path.starts_with("/v2/vpclinks") => Ok(self
                .stood_in
                .vpc_links(&incoming.path, &incoming.intent.region)),
            _ => self.forward(incoming).await,
        }
    }
}

async fn answer(State(companion): State<Arc<Companion>>, request: Request) -> Response {
    let handled = async {
        let incoming = read(&companion, request).await?;
        // No call of AWS, and so none that is counted or made to fail.
        if incoming.path.starts_with(registry::ROOT) {
            return companion.registries(&incoming).await;
        }
        companion.take(incoming).await
    };
    respond(handled.await)
}

async fn read(companion: &Companion, request: Request) -> Result<Incoming> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .context("the request broke off")?;
    let path = parts
        .uri
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned();
    let mut intent = wire::read(&parts.method, &path, &parts.headers, &body);
    if intent.region.is_empty() {
        companion.upstream.region().clone_into(&mut intent.region);
    }
    let call = Call {
        at: crate::clock::now(),
        caller: intent.caller.clone(),
        service: intent.service.clone(),
        operation: intent.operation.clone(),
        region: intent.region.clone(),
        stack: intent.parameter("StackName").map(str::to_owned),
    };
    Ok(Incoming {
        method: parts.method,
        path,
        headers: parts.headers,
        body,
        intent,
        call,
    })
}

/// An answer of ours or the emulator's as axum wants it; an error of the companion is a 500
/// that says so.
pub(crate) fn respond(answer: Result<Answer>) -> Response {
    match answer {
        Ok(answer) => {
            let mut response = Response::new(Body::from(answer.body));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            // Hop by hop, or set anew for the body that is sent.
            for name in ["connection", "content-length", "transfer-encoding"] {
                response.headers_mut().remove(name);
            }
            response
        }
        Err(error) => {
            let mut response = Response::new(Body::from(format!("local cloud: {error:#}")));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

/// A listener on a free port of this machine.
pub(crate) async fn listener() -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .context("no port is free")?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves a router without delaying small packets: 40 ms a call otherwise.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    let listener = listener.tap_io(|stream| {
        // A connection that is closing already needs no setting.
        let _ = stream.set_nodelay(true);
    });
    // It ends only with its task.
    let _ = axum::serve(listener, router).await;
}
