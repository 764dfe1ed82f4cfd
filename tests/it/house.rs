//! The house rules that a compiler does not know.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is ours") {
            let path = entry.expect("the folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("sources are text");
                found.push((path.strip_prefix(root()).expect("it lies below").to_path_buf(), text));
            }
        }
    }
    assert!(found.len() > 20, "the sources were not found");
    found.sort();
    found
}

/// Module to floor, as the comments of `lib.rs` say.
fn floors() -> BTreeMap<String, u32> {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).expect("it is there");
    let mut floor = 0;
    let mut floors = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("// floor ") {
            floor =
                rest.split(':').next().and_then(|number| number.parse().ok()).expect("a floor has a number");
        } else if let Some(module) = line.strip_prefix("pub mod ") {
            floors.insert(module.trim_end_matches(';').to_owned(), floor);
        }
    }
    assert!(floors.len() > 8 && !floors.values().any(|floor| *floor == 0));
    floors
}

fn module_of(path: &Path) -> String {
    let part = path.components().nth(1).expect("below src").as_os_str().to_string_lossy().into_owned();
    part.trim_end_matches(".rs").to_owned()
}

/// Source text without its tests, which may reach anywhere.
fn product_part(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn a_module_uses_only_lower_floors() {
    let floors = floors();
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let own = module_of(&path);
        let Some(floor) = floors.get(&own) else { continue };
        for (number, line) in product_part(&text).lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for used in line.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let Some(target) = floors.get(&used) else { continue };
                // Words may use one another; every other floor's modules are strangers.
                let stranger = *target == *floor && *floor != 1 && *floor != 8 && used != own;
                if *target > *floor || stranger {
                    wrong.push(format!(
                        "{}:{}: {own} (floor {floor}) uses {used} (floor {target})",
                        path.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sql_stands_only_in_the_store_and_the_environment_is_read_only_in_config() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let own = module_of(&path);
        for (number, line) in product_part(&text).lines().enumerate() {
            let sql = own != "store" && (line.contains("sqlx::query") || line.contains("query_as!"));
            let environment = own != "config" && line.contains("env::var(");
            if (sql || environment) && !line.trim_start().starts_with("//") {
                wrong.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_partner_is_named_outside_of_the_demo() {
    let partners: Vec<String> = std::fs::read_dir(root().join("partner-profiles"))
        .expect("it is there")
        .map(|entry| entry.expect("listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.file_stem().expect("it has a name").to_string_lossy().into_owned())
        .filter(|id| id != "defaults" && id != "erp")
        .collect();
    assert!(partners.len() >= 4);
    let mut wrong = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.starts_with("src/cli/demo")) {
        let lines = product_part(&text).lines().enumerate();
        for (number, line) in lines.filter(|(_, line)| !line.trim_start().starts_with("//")) {
            if partners.iter().any(|partner| line.contains(partner.as_str())) {
                wrong.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for_and_stays_short() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if !text.starts_with("//! ") {
            wrong.push(format!("{}: the first line does not say what the file is for", path.display()));
        }
        let lines = text.lines().count();
        if lines > 600 {
            wrong.push(format!("{}: {lines} lines; 600 is the end", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
