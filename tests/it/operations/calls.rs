//! Calls whose address takes fields of the record: what goes over the wire, and what does not go at all.

use super::{Site, text};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Takes calls, notes their heads, and answers each with the next status of a list, else 201.
struct Recorder {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<Vec<String>>>>,
    answers: Arc<Mutex<Vec<u16>>>,
}

impl Recorder {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it has one");
        let (heads, answers) = (Arc::<Mutex<Vec<Vec<String>>>>::default(), Arc::<Mutex<Vec<u16>>>::default());
        let (seen, next) = (heads.clone(), answers.clone());
        std::thread::spawn(move || {
            for tcp in listener.incoming().map_while(Result::ok) {
                // A caller that goes away ends its own connection only.
                answer(tcp, &seen, &next).ok();
            }
        });
        Self { address, heads, answers }
    }

    /// Request lines so far.
    fn lines(&self) -> Vec<String> {
        self.heads.lock().expect("nobody panics").iter().map(|head| head[0].clone()).collect()
    }

    /// A header of the last call.
    fn header(&self, name: &str) -> Option<String> {
        let heads = self.heads.lock().expect("nobody panics");
        heads.last()?.iter().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }
}

fn answer(tcp: TcpStream, heads: &Mutex<Vec<Vec<String>>>, answers: &Mutex<Vec<u16>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(tcp.try_clone()?);
    let (mut head, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        if let Some(said) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = said.parse().unwrap_or(0);
        }
        head.push(line);
    }
    reader.read_exact(&mut vec![0; length])?;
    heads.lock().expect("nobody panics").push(head);
    let status = answers.lock().expect("nobody panics").pop().unwrap_or(201);
    if status == 0 {
        // The caller never hears of it.
        return Ok(());
    }
    let body = "{\"id\":\"E-1\"}";
    let mut tcp = tcp;
    write!(tcp, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

impl Site {
    /// Has orders of the owner go to a system that is called, by the settings of its channel.
    fn calls(&self, recorder: &Recorder, settings: &str) {
        let profile = format!(
            "[partner]\nid = \"erp\"\n\n[channels.api]\ntransport = \"http\"\n{}\n\n[[sends]]\ntranslator = \"json-shipping-order\"\nchannel = \"api\"\n",
            settings.replace("HOST", &format!("http://{}", recorder.address))
        );
        std::fs::write(self.path("partner-profiles/erp.toml"), profile).expect("written");
        let path = self.path("partner-profiles/owner.toml");
        let owner = std::fs::read_to_string(&path).expect("text");
        let route = owner
            .replace("to = \"warehouse\", document = \"940\"", "to = \"erp\", document = \"shipping_order\"");
        std::fs::write(&path, route).expect("written");
        let path = self.path("crossdock.toml");
        let hub = std::fs::read_to_string(&path).expect("text");
        if !hub.contains("[calls]") {
            let hub = format!("{hub}\n[calls]\nallowed_private_hosts = [\"{}\"]\n", recorder.address);
            std::fs::write(&path, hub).expect("written");
        }
    }
}

#[tokio::test]
async fn an_address_takes_fields_and_no_value_leads_elsewhere() {
    let (site, erp) = (Site::new().await, Recorder::start());
    site.calls(
        &erp,
        "url = \"HOST/api/orders/{order_number}/to/{ship_to.id}?of={partner}\"\nmethod = \"PUT\"\nheaders = { X-Order = \"order {order_number}\" }\nresponse_id = \"id\"",
    );
    site.orders("1.csv", &[("SO-1", "31")]);
    site.done(&["run", "--once"]);
    assert_eq!(erp.lines(), ["PUT /api/orders/SO-1/to/31?of=erp HTTP/1.1"]);
    assert_eq!(erp.header("x-order").as_deref(), Some("order SO-1"));
    let delivery = site.only(&["deliveries", "--partner", "erp"]);
    let target = text(&site.json(&["deliveries", "show", &delivery])["target"]);
    assert!(target.ends_with("/api/orders/SO-1/to/31?of=erp"), "{target}");

    for (number, place) in [
        ("../../admin", "..%2F..%2Fadmin"),
        ("SO 2?x=1#y", "SO%202%3Fx%3D1%23y"),
        ("%2e%2e", "%252e%252e"),
        ("@evil.example", "%40evil.example"),
    ] {
        let before = erp.lines().len();
        site.orders("next.csv", &[(number, "31")]);
        site.done(&["run", "--once"]);
        let lines = erp.lines();
        assert_eq!(lines.len(), before + 1, "{number}");
        assert_eq!(lines[before], format!("PUT /api/orders/{place}/to/31?of=erp HTTP/1.1"), "{number}");
        assert_eq!(erp.header("host").as_deref(), Some(erp.address.to_string().as_str()), "{number}");
    }

    // What would be another resource is not called; a person is told, and what was mended goes.
    let before = erp.lines().len();
    site.orders("bad.csv", &[("SO-7", ".."), ("SO-8", "")]);
    site.run(&["run", "--once"]);
    assert_eq!(erp.lines().len(), before, "{:?}", erp.lines());
    let told = site.json(&["exceptions", "--reason", "cannot_compose"]);
    let mut told: Vec<String> =
        told.as_array().expect("a list").iter().map(|row| text(&row["message"])).collect();
    told.sort();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("cannot write the shipping_order for erp: the address takes `{ship_to.id}`, and there is nothing to put there; hint: have the source fill it"),
        "{told:?}"
    );
    assert!(
        told[1].contains("takes `{ship_to.id}`, and what is to be put there would name another resource"),
        "{told:?}"
    );

    // Once the address is mended, what is issued anew settles what was told of it, and nothing else.
    site.calls(&erp, "url = \"HOST/api/orders/{order_number}\"\nmethod = \"PUT\"\nresponse_id = \"id\"");
    let order = site.only(&["documents", "--number", "SO-8", "--direction", "inbound"]);
    let still = site.json(&["documents", "show", &order]);
    assert_eq!(still["business"], "exception");
    site.done(&["replay", &order, "--issue-new", "--reason", "the address is mended"]);
    site.done(&["run", "--once"]);
    assert_eq!(erp.lines().last().expect("it was called"), "PUT /api/orders/SO-8 HTTP/1.1");
    let told = site.json(&["exceptions", "--reason", "cannot_compose"]);
    let open = told.as_array().expect("a list").iter().filter(|row| row["state"] == "open");
    assert_eq!(open.count(), 1, "that of SO-7 stays: {told}");
    assert_eq!(site.json(&["documents", "show", &order])["business"], "open");
}

#[tokio::test]
async fn a_later_try_goes_to_the_same_place_and_what_is_asked_is_the_same_thing() {
    let (site, erp) = (Site::new().await, Recorder::start());
    let settings = "url = \"HOST/orders/{order_number}\"\nread_back = \"HOST/orders/{order_number}?key={key}\"\nresponse_id = \"id\"";
    site.calls(&erp, settings);
    erp.answers.lock().expect("nobody panics").push(503);
    site.orders("1.csv", &[("SO/1", "31")]);
    site.run(&["run", "--once"]);
    let delivery = site.only(&["deliveries", "--partner", "erp"]);
    let key = text(&site.json(&["deliveries", "show", &delivery])["idempotency_key"]);

    // The profile asks for more than was noted: nobody guesses.
    site.calls(
        &erp,
        &settings.replace("orders/{order_number}\"\nread", "orders/{order_number}/{ship_to.id}\"\nread"),
    );
    site.due_now().await;
    site.run(&["run", "--once"]);
    assert_eq!(erp.lines().len(), 1, "{:?}", erp.lines());
    let why = text(&site.json(&["deliveries", "show", &delivery])["last_error"]);
    assert!(why.contains("the address takes `{ship_to.id}`") && why.contains("was changed since"), "{why}");

    site.calls(&erp, settings);
    site.done(&["release", &delivery, "--reason", "the profile is as it was"]);
    site.done(&["run", "--once"]);
    assert_eq!(
        erp.lines(),
        ["POST /orders/SO%2F1 HTTP/1.1".to_owned(), format!("GET /orders/SO%2F1?key={key} HTTP/1.1")],
        "it was there already"
    );

    for (settings, told) in [
        ("url = \"HOST/orders/{order_numbr}\"", "did you mean `order_number`?"),
        ("url = \"HOST/orders/{ship_to.idd}\"", "did you mean `ship_to.id`?"),
        ("url = \"http://{order_number}.example/orders\"", "the host of an address is fixed"),
        ("url = \"HOST/orders\"\nread_back = \"HOST/../{key}\"", "does not climb"),
        ("url = \"HOST/orders\"\nheaders = { X-A = \"{order_number\" }", "is never closed"),
    ] {
        site.calls(&erp, settings);
        let said = site.run(&["check"]);
        let all = format!("{}{}", said.out, said.err);
        assert!(said.code == 2 && all.contains(told), "{settings}: {all}");
    }
}

#[tokio::test]
async fn what_nobody_knows_stops_for_a_person_where_the_profile_says_so() {
    let (site, erp) = (Site::new().await, Recorder::start());
    site.calls(&erp, "url = \"HOST/orders\"\nresponse_id = \"id\"\nwhen_unknown = \"ask\"");
    let say = |status: u16| erp.answers.lock().expect("nobody panics").push(status);
    say(0);
    site.orders("1.csv", &[("SO-1", "31")]);
    assert_eq!(site.run(&["run", "--once"]).code, 1, "it is held");
    let delivery = site.only(&["deliveries", "--partner", "erp", "--status", "held"]);
    let why = text(&site.json(&["deliveries", "show", &delivery])["last_error"]);
    assert!(
        why.starts_with("nobody knows whether the call took effect: ") && why.contains("ask erp for key "),
        "{why}"
    );
    // A person has asked: it is not there. The next try is refused for now, and the hub dies in the middle of another.
    say(503);
    site.done(&["release", &delivery, "--reason", "they do not have it"]);
    site.run(&["run", "--once"]);
    assert_eq!(erp.lines().len(), 2);
    {
        use sqlx::Executor as _;
        let mut connection = site.database.connection().await;
        connection
            .execute("update attempt set outcome = null, ended_at = null where number = 2")
            .await
            .expect("ours");
    }
    site.due_now().await;
    site.run(&["run", "--once"]);
    assert_eq!(erp.lines().len(), 2, "it is not made again");
    let why = text(&site.json(&["deliveries", "show", &delivery])["last_error"]);
    assert!(why.contains("the hub ended in the middle of it"), "{why}");
    site.done(&["release", &delivery, "--reason", "they looked once more"]);
    site.done(&["run", "--once"]);
    assert_eq!(erp.lines().len(), 3);
}

#[tokio::test]
async fn what_is_read_back_must_be_what_was_sent() {
    let (site, erp) = (Site::new().await, Recorder::start());
    let read_back = "url = \"HOST/orders\"\nread_back = \"HOST/orders?key={key}\"\nresponse_id = \"id\"\n";
    site.calls(&erp, &format!("{read_back}read_back_same = {{ id = \"{{order_number}}\" }}"));
    erp.answers.lock().expect("nobody panics").push(0);
    site.orders("1.csv", &[("SO-1", "31")]);
    site.run(&["run", "--once"]);
    let delivery = site.only(&["deliveries", "--partner", "erp", "--status", "held"]);
    let why = text(&site.json(&["deliveries", "show", &delivery])["last_error"]);
    assert!(
        why.starts_with("something is there under key ") && why.contains("`id` says `E-1` and not `SO-1`"),
        "{why}"
    );
    site.calls(&erp, &format!("{read_back}read_back_same = {{ id = \"E-1\" }}"));
    site.done(&["release", &delivery, "--reason", "it is the same"]);
    site.done(&["run", "--once"]);
    assert_eq!(text(&site.json(&["deliveries", "show", &delivery])["state"]), "delivered");
    site.calls(
        &erp,
        "url = \"HOST/orders\"\nread_back_same = { id = \"{order_number}\" }\nwhen_unknown = \"stop\"",
    );
    let said = site.run(&["check"]);
    for told in ["nothing is asked that could be the same", "`stop` is no value of `when_unknown`"] {
        assert!(
            said.code == 2 && format!("{}{}", said.out, said.err).contains(told),
            "{told}: {}{}",
            said.out,
            said.err
        );
    }
}

impl Site {
    /// Has all that is to be tried again be due.
    async fn due_now(&self) {
        use sqlx::Executor as _;
        let mut connection = self.database.connection().await;
        connection
            .execute("update job set run_after = now() where state = 'ready'")
            .await
            .expect("it is ours");
    }
}
