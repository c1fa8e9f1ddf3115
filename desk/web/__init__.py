"""The pages of the desk: HTML from the server, forms that work without scripts, scripts of our own that make it faster.

    app          add_pages(app, desk, settings): routes, static files, headers, words for what goes wrong
    routes       a module for each kind of page
    page         one request: who asks, in which language, how it is answered
    forms        what people type, as what the services take
    errors       what the desk refuses, in plain words
    labels       words for codes
    language     English and Welsh, dates and numbers
    security     headers, tokens, cookies
    server       uvicorn that ends live streams before it waits for them
    templates/   Jinja2; static/ one style sheet and a few modules of JavaScript, no build step

A handler asks the services and shows what they answer; it decides nothing. Who may do what is for the services.
"""
