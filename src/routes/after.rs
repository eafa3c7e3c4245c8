//! After-sales, and the pictures of products.

use super::{Access, EVERYONE, READERS, Route, delete, form, get, post, put};
use crate::claims::{MAX_FORM, MAX_PHOTO, api, decide, draft, pages};
use crate::console::claims as desk;
use crate::orders::claims::ClaimView;
use crate::photos::Photo;
use crate::villages::Role::{Accountant, Manager, Overseer, Packer};
use crate::web::listing::Page;
use Access::{Public, Staff};

pub(super) fn routes() -> Vec<Route> {
    let parts = [
        buyer_routes(),
        buyer_pages(),
        staff_routes(),
        console_routes(),
        picture_routes(),
    ];
    parts.into_iter().flatten().collect()
}

fn buyer_routes() -> Vec<Route> {
    vec![
        post(
            "/api/v1/orders/{order}/photos",
            Public,
            api::send_photo,
            "Send a photo for a claim (JPEG or PNG, 8 MB)",
        )
        .takes_file("image/*", MAX_PHOTO + 1)
        .gives::<Photo>(201),
        post(
            "/api/v1/orders/{order}/claims",
            Public,
            api::open,
            "Say what was wrong with an order that was sent",
        )
        .takes::<draft::NewClaim>()
        .gives::<ClaimView>(201)
        .gives::<ClaimView>(200),
        post(
            "/api/v1/orders/{order}/claims/{claim}/withdraw",
            Public,
            api::withdraw,
            "Take a claim back that was not answered",
        )
        .gives::<ClaimView>(200),
    ]
}

fn buyer_pages() -> Vec<Route> {
    let [page, sent] = form(
        "/o/{order}/claim",
        Public,
        pages::form,
        pages::submit,
        "Something is wrong with an order",
    );
    vec![
        page,
        sent.limit(MAX_FORM),
        post(
            "/o/{order}/claims/{claim}/withdraw",
            Public,
            pages::withdraw,
            "The order's page: take a claim back",
        ),
        get(
            "/o/{order}/photos/{photo}",
            Public,
            api::buyers_photo,
            "A photo that an order's buyer has sent",
        )
        .file(200, "image/jpeg"),
    ]
}

fn staff_routes() -> Vec<Route> {
    let answer = Staff(&[Manager, Accountant]);
    vec![
        get("/api/v1/claims", Staff(READERS), api::list, "Claims of buyers")
            .gives::<Page<api::ClaimItem>>(200),
        get("/api/v1/claims/{claim}", Staff(READERS), api::details, "A claim")
            .gives::<api::ClaimDetails>(200),
        get(
            "/api/v1/claims/{claim}/photos/{photo}",
            Staff(READERS),
            api::photo,
            "A photo of a claim",
        )
        .file(200, "image/jpeg"),
        post(
            "/api/v1/claims/{claim}/decide",
            answer,
            api::decide,
            "Answer a claim: refund, send once more, decline, or ask for the goods first",
        )
        .takes::<decide::Decide>()
        .gives::<api::ClaimDetails>(200),
        post(
            "/api/v1/claims/{claim}/goods-back",
            Staff(&[Manager, Packer]),
            api::goods_back,
            "The goods of a claim are back",
        )
        .gives::<api::ClaimDetails>(200),
        post(
            "/api/v1/claims/{claim}/undo",
            answer,
            api::undo,
            "Take the answer to a claim back, while that is possible",
        )
        .gives::<api::ClaimDetails>(200),
        get(
            "/api/v1/reports/claims",
            Staff(&[Manager, Accountant, Overseer]),
            api::report,
            "How many claims were closed by when they were due",
        )
        .gives::<api::ClosedLoop>(200),
    ]
}

fn console_routes() -> Vec<Route> {
    let answer = Staff(&[Manager, Accountant]);
    vec![
        get(
            "/console/claims",
            Staff(READERS),
            desk::list,
            "Claims, the late ones first",
        ),
        get("/console/claims/{claim}", Staff(READERS), desk::page, "A claim"),
        post(
            "/console/claims/{claim}/decide",
            answer,
            desk::decide,
            "Answer it",
        ),
        post(
            "/console/claims/{claim}/goods-back",
            Staff(&[Manager, Packer]),
            desk::goods_back,
            "Its goods are back",
        ),
        post(
            "/console/claims/{claim}/undo",
            answer,
            desk::undo,
            "Take its answer back",
        ),
        post(
            "/console/products/{id}/pictures",
            Staff(&[Manager]),
            desk::add_pictures,
            "Add pictures to a product",
        )
        .limit(MAX_FORM),
        post(
            "/console/products/{id}/pictures/{picture}",
            Staff(&[Manager]),
            desk::change_picture,
            "Put a picture first, or remove it",
        ),
    ]
}

fn picture_routes() -> Vec<Route> {
    use crate::catalog::pictures;
    vec![
        get(
            "/pictures/{picture}",
            Public,
            pictures::show,
            "A picture of a product",
        )
        .file(200, "image/jpeg"),
        get(
            "/api/v1/products/{id}/pictures",
            Staff(EVERYONE),
            pictures::list,
            "A product's pictures",
        )
        .gives::<Page<pictures::Picture>>(200),
        post(
            "/api/v1/products/{id}/pictures",
            Staff(&[Manager]),
            pictures::add,
            "Add a picture (JPEG or PNG, 8 MB)",
        )
        .takes_file("image/*", pictures::MAX_FILE + 1)
        .gives::<Page<pictures::Picture>>(201),
        put(
            "/api/v1/products/{id}/pictures",
            Staff(&[Manager]),
            pictures::put,
            "Put a product's pictures into an order",
        )
        .takes::<pictures::Arrangement>()
        .gives::<Page<pictures::Picture>>(200),
        delete(
            "/api/v1/products/{id}/pictures/{picture}",
            Staff(&[Manager]),
            pictures::remove,
            "Remove a picture",
        )
        .gives::<Page<pictures::Picture>>(200),
    ]
}
