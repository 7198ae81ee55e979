// LiveServer: the live page over HTTP, for this machine's user alone.
//
// It listens on 127.0.0.1. The page's address has a random token in its path. A request without it,
// with another Host than 127.0.0.1:PORT or localhost:PORT, or with a foreign Origin is refused
// (403), so that neither another user nor a page from elsewhere, by whatever name it reaches this
// port, sees or moves anything. There are no CORS headers.
//
//   GET  /TOKEN/         the page
//   GET  /TOKEN/events   server-sent events: "history", once, then "state" for each news of the
//   board,
//                        "end" when the board is ended
//   POST /TOKEN/orders   a line that the board obeys (LiveBoard::obey())
//
// Owns its threads; the board must outlive it.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "tools/live_board.hpp"

namespace pw::tools {

class LiveServer {
 public:
  // Whether this build has an HTTP server. Error: NotSupported, with what to install.
  static Result<void> available();

  // `port`: 0: any that is free. `page`: an HTML file; its content security policy goes into the
  // header, with connections to this server allowed. Errors: those of available(); Busy (the port),
  // Io (no randomness).
  static Result<std::unique_ptr<LiveServer>> start(LiveBoard& board, std::string page, int port);
  // Ends the board, and all connections.
  ~LiveServer();
  LiveServer(const LiveServer&) = delete;
  LiveServer& operator=(const LiveServer&) = delete;

  std::string url() const;  // with the token
  int port() const;
  const std::string& token() const;

 private:
  struct Inside;
  explicit LiveServer(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

}  // namespace pw::tools
