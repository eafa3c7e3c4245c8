//! The OpenAPI document, built from the route table and the types that handlers take and give.

use axum::http::Method;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr, Required,
    ResponseBuilder, SecurityRequirement,
};
use utoipa::{PartialSchema, ToSchema};

type Named = Vec<(String, RefOr<Schema>)>;

/// A media type and what comes in it.
type Content = (&'static str, RefOr<Schema>);

/// What one route takes and gives.
pub struct Doc {
    summary: &'static str,
    body: Option<Content>,
    answers: Vec<(u16, Option<Content>)>,
    schemas: Named,
}

impl Doc {
    pub fn new(summary: &'static str) -> Self {
        Doc {
            summary,
            body: None,
            answers: Vec::new(),
            schemas: Vec::new(),
        }
    }

    pub fn takes<T: ToSchema + PartialSchema>(&mut self) {
        self.body = Some(("application/json", self.reference::<T>()));
    }

    pub fn gives<T: ToSchema + PartialSchema>(&mut self, status: u16) {
        let schema = self.reference::<T>();
        self.answers(status, Some(("application/json", schema)));
    }

    pub fn answers(&mut self, status: u16, content: Option<Content>) {
        self.answers.push((status, content));
    }

    /// Server-sent events, each with this JSON as its data.
    pub fn stream<T: ToSchema + PartialSchema>(&mut self) {
        let schema = self.reference::<T>();
        self.answers(200, Some(("text/event-stream", schema)));
    }

    /// A body or answer that is no JSON.
    pub fn file(&mut self, status: u16, kind: &'static str) {
        self.answers(status, Some((kind, bytes())));
    }

    pub fn takes_file(&mut self, kind: &'static str) {
        self.body = Some((kind, bytes()));
    }

    fn reference<T: ToSchema + PartialSchema>(&mut self) -> RefOr<Schema> {
        T::schemas(&mut self.schemas);
        let name = name_of::<T>();
        self.schemas.push((name.clone(), T::schema()));
        Ref::from_schema_name(name).into()
    }
}

/// A generic type is named with what it is filled with: pages of different rows are different schemas.
fn name_of<T: ToSchema>() -> String {
    let name = T::name().into_owned();
    let full = std::any::type_name::<T>();
    match full.split_once('<').map(|(_, inner)| inner.trim_end_matches('>')) {
        Some(inner) if !inner.starts_with('\'') => {
            format!("{name}_{}", inner.rsplit("::").next().unwrap_or(inner))
        }
        _ => name,
    }
}

fn bytes() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

/// One row of the route table, as this module needs it.
pub struct Row {
    pub method: Method,
    pub path: &'static str,
    /// None for anybody; else the roles that may
    pub roles: Option<String>,
    pub doc: Doc,
}

/// The document of a whole table.
pub fn document(rows: Vec<Row>) -> OpenApi {
    let mut paths = PathsBuilder::new();
    let mut components = ComponentsBuilder::new()
        .security_scheme(
            "token",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        )
        .schema("Problem", problem());
    for row in rows {
        let Some(method) = http_method(&row.method) else {
            continue;
        };
        for (name, schema) in row.doc.schemas.clone() {
            components = components.schema(name, schema);
        }
        paths = paths.path(row.path, PathItem::new(method, operation(row).build()));
    }
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Cunji 村集")
                .version(env!("CARGO_PKG_VERSION"))
                .build(),
        )
        .paths(paths)
        .components(Some(components.build()))
        .build()
}

fn operation(row: Row) -> OperationBuilder {
    let mut operation = OperationBuilder::new().summary(Some(row.doc.summary));
    if let Some(roles) = row.roles {
        operation = operation
            .description(Some(format!("For {roles}.")))
            .security(SecurityRequirement::new("token", Vec::<String>::new()));
    }
    for name in row
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True);
        operation = operation.parameter(parameter.schema(Some(bytes())));
    }
    if let Some((kind, schema)) = row.doc.body {
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let body = RequestBodyBuilder::new()
            .content(kind, content)
            .required(Some(Required::True))
            .build();
        operation = operation.request_body(Some(body));
    }
    for (status, content) in row.doc.answers {
        let mut response = ResponseBuilder::new().description("");
        if let Some((kind, schema)) = content {
            response = response.content(kind, ContentBuilder::new().schema(Some(schema)).build());
        }
        operation = operation.response(status.to_string(), response.build());
    }
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .build();
    let problem = ResponseBuilder::new()
        .description("RFC 9457")
        .content("application/problem+json", content);
    operation.response("default", problem.build())
}

fn problem() -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    ObjectBuilder::new()
        .property("type", text())
        .property("title", text())
        .property("status", ObjectBuilder::new().schema_type(Type::Integer))
        .property("detail", text())
        .property(
            "errors",
            utoipa::openapi::ArrayBuilder::new().items(
                ObjectBuilder::new()
                    .property("field", text())
                    .property("message", text()),
            ),
        )
        .into()
}

fn http_method(method: &Method) -> Option<HttpMethod> {
    Some(match *method {
        Method::GET => HttpMethod::Get,
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::PATCH => HttpMethod::Patch,
        Method::DELETE => HttpMethod::Delete,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::listing::Page;

    #[test]
    fn pages_of_different_rows_have_different_names() {
        assert_eq!(name_of::<Page<crate::money::Fen>>(), "Page_Fen");
        assert_eq!(name_of::<crate::money::Fen>(), "Fen");
    }
}
