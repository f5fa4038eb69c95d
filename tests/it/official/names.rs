use serde_json::Value;

/// The parameters that Twilio's OpenAPI documents name. Prism lets others pass in a query and in a form.
#[derive(Debug)]
pub(super) struct Names(Vec<Value>);

impl Names {
    pub(super) fn read() -> Self {
        let folder = super::setting("TWILIO_OPENAPI");
        let read = |name: &str| {
            let text = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
            serde_json::from_str(&text).unwrap()
        };
        Self(["twilio_messages", "twilio_content_v1", "twilio_messaging_v2"].map(read).into())
    }

    /// Those of a request that no document names. Where there is no such path it is for Prism to say so.
    pub(super) fn unknown(&self, method: &http::Method, uri: &http::Uri, form: &str) -> Vec<String> {
        let method = method.as_str().to_ascii_lowercase();
        let paths = self.0.iter().flat_map(|document| {
            let paths = document["paths"].as_object().unwrap();
            paths.iter().map(move |(template, path)| (document, template, path))
        });
        // Of two paths that fit, the one with fewer places to fill.
        let path = paths.filter(|(_, template, _)| fits(template, uri.path()));
        let Some((document, _, path)) = path.min_by_key(|(_, template, _)| template.matches('{').count())
        else {
            return Vec::new();
        };
        let operation = &path[&method];
        let query = operation["parameters"].as_array().into_iter().flatten();
        let query: Vec<_> = query.filter(|parameter| parameter["in"] == "query").collect();
        let schema = &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
        let elsewhere = schema["$ref"].as_str().and_then(|place| document.pointer(place.strip_prefix('#')?));
        let schema = elsewhere.unwrap_or(schema);
        let in_query = |name: &str| query.iter().any(|parameter| parameter["name"] == name);
        let in_form = |name: &str| schema["properties"].get(name).is_some();
        let unknown = names(uri.query().unwrap_or_default()).filter(|name| !in_query(name));
        unknown.chain(names(form).filter(|name| !in_form(name))).collect()
    }
}

/// Whether a path fits a template such as `/Messages/{Sid}.json`.
fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(template, part)| match template.split_once('}') {
            Some((_, end)) => part.strip_suffix(end).is_some_and(|part| !part.is_empty()),
            None => template == part,
        })
}

fn names(form: &str) -> impl Iterator<Item = String> {
    url::form_urlencoded::parse(form.as_bytes()).map(|(name, _)| name.into_owned())
}
