//! Try.
use slipway_local_cloud::*;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let options = Options {
        stack_delay: Duration::from_millis(500),
        log: Some("/tmp/try/emulator.log".into()),
        report: Arc::new(|l| println!("{l}")),
        ..Options::default()
    };
    let cloud = LocalCloud::start(options).await?;
    let t = Instant::now();
    let mut functions = BTreeMap::new();
    functions.insert("ApiFunction".to_owned(), args[2].clone().into());
    functions.insert("ReconcilerFunction".to_owned(), args[3].clone().into());
    let deploy = Deploy {
        template: args[1].clone().into(),
        name: "devops2-g4".into(),
        functions,
        ..Deploy::default()
    };
    match cloud.deploy_platform(&deploy).await {
        Ok(p) => {
            println!("deployed in {:?}", t.elapsed());
            for (k, v) in &p.outputs {
                println!("{k} = {v}");
            }
            println!("base {:?}", p.base_url);
            println!("{:#?}", cloud.resources().await?);
            if args.len() > 4 {
                tokio::time::sleep(Duration::from_secs(args[4].parse()?)).await;
            }
            println!("delete: {:?}", cloud.delete_platform(&p).await);
        }
        Err(e) => println!("FAILED {e:#}"),
    }
    for c in cloud.calls() {
        println!("{} {} {} {:?}", c.caller, c.service, c.operation, c.stack);
    }
    cloud.stop().await
}
