//! Metrics that are set, alarms that follow, and what the bus carries of it.

use super::*;
use crate::{Delivery, Metric};

/// A queue behind a rule for every change of an alarm; its address.
async fn listening(client: &Upstream) -> Value {
    let queue = json!({"QueueName": "changes"});
    let queue = client.json("sqs", "AmazonSQS.CreateQueue", &queue).await;
    let pattern = json!({
        "source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"],
        "resources": [{"prefix": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:p--"}],
    });
    let ask = json!({"Name": "changes", "EventPattern": pattern.to_string()});
    let rule = client.json("events", "AWSEvents.PutRule", &ask).await;
    rule.expect("a rule");
    let target = json!({"Id": "a", "Arn": "arn:aws:sqs:us-east-1:000000000000:changes"});
    let ask = json!({"Rule": "changes", "Targets": [target]});
    let target = client.json("events", "AWSEvents.PutTargets", &ask).await;
    target.expect("a target");
    queue.expect("a queue")["QueueUrl"].clone()
}

/// The next event; nothing where none comes in time.
async fn next(client: &Upstream, queue: &Value, seconds: u32) -> Option<Value> {
    let ask = json!({"QueueUrl": queue, "WaitTimeSeconds": seconds});
    let said = client.json("sqs", "AmazonSQS.ReceiveMessage", &ask).await;
    let message = said.expect("an answer")["Messages"][0].clone();
    let event = serde_json::from_str(message["Body"].as_str()?).expect("json");
    let ask = json!({"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]});
    let gone = client.json("sqs", "AmazonSQS.DeleteMessage", &ask).await;
    gone.expect("taken");
    Some(event)
}

fn alarm(dimensions: &Value, comparison: &str, threshold: u32, missing: &str) -> Value {
    json!({
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": "CPU", "Namespace": "AWS/ECS", "MetricName": "CPUUtilization",
            "Dimensions": dimensions, "Statistic": "Average", "Period": 60,
            "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Threshold": threshold,
            "ComparisonOperator": comparison, "TreatMissingData": missing,
        },
    })
}

fn cpu(service: &str) -> Metric {
    let dimensions = [("ClusterName", "c"), ("ServiceName", service)];
    Metric::new("AWS/ECS", "CPUUtilization", &dimensions)
}

/// A stack whose service has an alarm for much CPU, one for little, and one over two metrics.
async fn watched(client: &Upstream) {
    let dimensions = json!([
        {"Name": "ClusterName", "Value": "c"}, {"Name": "ServiceName", "Value": "a"},
    ]);
    let query = |id: &str, name: &str| {
        json!({
            "Id": id, "ReturnData": false,
            "MetricStat": {
                "Metric": {"Namespace": "Shop", "MetricName": name, "Dimensions": []},
                "Period": 60, "Stat": "Sum",
            },
        })
    };
    let many = json!({
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "Metrics": [
                query("first", "A"), query("second", "B"),
                {"Id": "made", "Expression": "SUM([first, second])", "ReturnData": true},
            ],
            "EvaluationPeriods": 1, "Threshold": 10,
            "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
        },
    });
    let body = template(&json!({
        "High": alarm(&dimensions, "GreaterThanThreshold", 70, "notBreaching"),
        "Low": alarm(&dimensions, "LessThanThreshold", 30, "missing"),
        "Many": many,
    }));
    let parameters = [("StackName", "p--a--prod"), ("TemplateBody", body.as_str())];
    let answer = call(client, "CreateStack", &parameters).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    let statuses = statuses(client, "p--a--prod").await;
    assert_eq!(statuses.last().map(String::as_str), Some("CREATE_COMPLETE"));
}

/// The states of the alarms by the middle of their names.
async fn states(client: &Upstream) -> Vec<(String, String)> {
    let answer = client.query("monitoring", "DescribeAlarms", &[]).await;
    let text = answer.expect("an answer").text();
    let document = xml::parse(&text).expect("xml");
    let alarms = xml::members(&document, "MetricAlarms");
    let part = |alarm, name| xml::text(alarm, name).to_owned();
    let named = |name: String| name.split('-').nth(5).unwrap_or_default().to_owned();
    alarms
        .into_iter()
        .map(|alarm| (named(part(alarm, "AlarmName")), part(alarm, "StateValue")))
        .collect()
}

fn pairs(states: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |text: &str| text.to_owned();
    states.iter().map(|(a, b)| (own(a), own(b))).collect()
}

#[tokio::test]
async fn alarms_follow_their_own_metric_and_tell_the_bus() {
    let cloud = start().await;
    let client = client(&cloud);
    let queue = listening(&client).await;
    watched(&client).await;
    let unknown = "INSUFFICIENT_DATA";
    let begin = pairs(&[("High", unknown), ("Low", unknown), ("Many", unknown)]);
    assert_eq!(states(&client).await, begin);

    // Another service's is none of theirs.
    let set = |metric: Metric, values: Vec<f64>| {
        let cloud = &cloud;
        async move { cloud.set_metric(&metric, 60, &values).await.expect("set") }
    };
    set(cpu("b"), vec![90.0, 90.0, 90.0]).await;
    assert_eq!(states(&client).await, begin);

    // Two of three, with one between them that is not.
    set(cpu("a"), vec![90.0, 50.0, 80.0]).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(next(&client, &queue, 10).await.expect("an event"));
    }
    seen.sort_by_key(|event| event["detail"]["alarmName"].to_string());
    let high = &seen[0];
    assert_eq!(high["detail-type"], "CloudWatch Alarm State Change");
    assert_eq!(high["detail"]["state"]["value"], "ALARM");
    assert_eq!(high["detail"]["previousState"]["value"], unknown);
    let metric = &high["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"];
    assert_eq!(metric["dimensions"]["ServiceName"], "a");
    let name = high["detail"]["alarmName"].as_str().expect("a name");
    let arn = format!("arn:aws:cloudwatch:us-east-1:000000000000:alarm:{name}");
    assert_eq!(high["resources"], json!([arn]));
    assert_eq!(seen[1]["detail"]["state"]["value"], "OK");
    let now = pairs(&[("High", "ALARM"), ("Low", "OK"), ("Many", unknown)]);
    assert_eq!(states(&client).await, now);

    set(cpu("a"), vec![90.0, 10.0, 20.0]).await;
    let now = pairs(&[("High", "OK"), ("Low", "ALARM"), ("Many", unknown)]);
    assert_eq!(states(&client).await, now);
    // What is missing says nothing of idleness, and is nothing running hot.
    set(cpu("a"), vec![]).await;
    set(Metric::new("Shop", "A", &[]), vec![8.0]).await;
    set(Metric::new("Shop", "B", &[]), vec![3.0]).await;
    let now = pairs(&[("High", "OK"), ("Low", "ALARM"), ("Many", "ALARM")]);
    assert_eq!(states(&client).await, now);
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn data_that_a_client_puts_is_answered_and_looked_at() {
    let cloud = start().await;
    let client = client(&cloud);
    let queue = listening(&client).await;
    watched(&client).await;
    let minute = crate::clock::now().as_second() / 60 * 60;
    let mut form = vec![("Action".to_owned(), "PutMetricData".to_owned())];
    form.push(("Namespace".to_owned(), "AWS/ECS".to_owned()));
    for (n, ago) in [60, 120, 180].into_iter().enumerate() {
        let member = format!("MetricData.member.{}", n + 1);
        let moment = jiff::Timestamp::from_second(minute - ago).expect("a moment");
        for (name, value) in [
            ("MetricName", "CPUUtilization".to_owned()),
            ("Value", "85".to_owned()),
            ("Timestamp", moment.to_string()),
            ("Dimensions.member.1.Name", "ClusterName".to_owned()),
            ("Dimensions.member.1.Value", "c".to_owned()),
            ("Dimensions.member.2.Name", "ServiceName".to_owned()),
            ("Dimensions.member.2.Value", "a".to_owned()),
        ] {
            form.push((format!("{member}.{name}"), value));
        }
    }
    let answer = client.form("monitoring", &form).await.expect("an answer");
    assert!(answer.status.is_success(), "{}", answer.text());
    assert!(next(&client, &queue, 10).await.is_some());

    let start = jiff::Timestamp::from_second(minute - 600).expect("a moment");
    let parameters = [
        ("StartTime", start.to_string()),
        ("EndTime", crate::clock::now().to_string()),
        ("MetricDataQueries.member.1.Id", "a".to_owned()),
        (
            "MetricDataQueries.member.1.MetricStat.Metric.Namespace",
            "AWS/ECS".to_owned(),
        ),
        (
            "MetricDataQueries.member.1.MetricStat.Metric.MetricName",
            "CPUUtilization".to_owned(),
        ),
        (
            "MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Name",
            "ClusterName".to_owned(),
        ),
        (
            "MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Value",
            "c".to_owned(),
        ),
        (
            "MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.2.Name",
            "ServiceName".to_owned(),
        ),
        (
            "MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.2.Value",
            "a".to_owned(),
        ),
        (
            "MetricDataQueries.member.1.MetricStat.Period",
            "60".to_owned(),
        ),
        (
            "MetricDataQueries.member.1.MetricStat.Stat",
            "Average".to_owned(),
        ),
    ];
    let parameters: Vec<(&str, &str)> = parameters.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let answer = client
        .query("monitoring", "GetMetricData", &parameters)
        .await;
    let text = answer.expect("an answer").text();
    assert_eq!(text.matches("<member>85.0</member>").count(), 3, "{text}");
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_change_of_an_alarm_comes_twice_when_a_test_wants_it() {
    let cloud = start().await;
    let client = client(&cloud);
    let queue = listening(&client).await;
    watched(&client).await;
    cloud.set_delivery(Delivery {
        twice: 1.0,
        late_by: Duration::from_millis(50),
        ..Delivery::default()
    });
    let shop = Metric::new("Shop", "A", &[]);
    cloud.set_metric(&shop, 60, &[11.0]).await.expect("set");
    let first = next(&client, &queue, 10).await.expect("an event");
    let second = next(&client, &queue, 10).await.expect("the same again");
    assert_eq!(first, second);
    assert!(next(&client, &queue, 1).await.is_none());
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_stack_that_raises_its_fewest_tasks_has_them_at_once() {
    let cloud = start().await;
    let client = client(&cloud);
    let mut resources = created(&client, "p--a").await;
    assert_eq!(service(&client).await["desiredCount"], 2);
    resources["Target"]["Properties"]["MinCapacity"] = json!(4);
    // As Slipway's: the count is the scaler's.
    let properties = resources["Service"]["Properties"].as_object_mut();
    properties.expect("properties").remove("DesiredCount");
    let body = with_output(&resources);
    let parameters = [("StackName", "p--a"), ("TemplateBody", body.as_str())];
    let answer = call(&client, "UpdateStack", &parameters).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    statuses(&client, "p--a").await;
    assert_eq!(service(&client).await["desiredCount"], 4);
    cloud.stop().await.expect("it stops");
}
