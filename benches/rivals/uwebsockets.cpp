// uWebSockets in C++: subscribers are in one topic, and what a publisher sends is published there. Who comes to /ask is in it
// when it asks to be, as a client of the gateway is in a room.
#include <cstdlib>
#include <iostream>

#include "App.h"

struct None {};

int main(int argc, char **argv) {
    int port = argc > 1 ? std::atoi(argv[1]) : 0;
    uWS::App app;
    app.ws<None>("/sub", {
        .compression = uWS::DISABLED,
        .maxPayloadLength = 1 << 20,
        .maxBackpressure = 64 << 20,
        .open = [](auto *client) { client->subscribe("room"); },
    });
    app.ws<None>("/ask", {
        .compression = uWS::DISABLED,
        .maxPayloadLength = 1 << 20,
        .maxBackpressure = 64 << 20,
        .message = [](auto *client, std::string_view, uWS::OpCode kind) {
            client->subscribe("room");
            client->send("joined", kind);
        },
    });
    app.ws<None>("/pub", {
        .compression = uWS::DISABLED,
        .maxPayloadLength = 1 << 20,
        .message = [&app](auto *, std::string_view event, uWS::OpCode kind) { app.publish("room", event, kind); },
    });
    app.listen("127.0.0.1", port, [port](auto *listening) {
        if (!listening) {
            std::cerr << "port " << port << " is taken" << std::endl;
            std::exit(1);
        }
    });
    app.run();
}
