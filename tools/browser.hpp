// The browser of the desktop.
#pragma once

#include <string>

namespace pw::tools {

// Shows a file (its absolute path) or an address, if there is a desktop to show it on.
bool open_in_browser(std::string target);

}  // namespace pw::tools
