# Where make install puts things, for hosts that have no package. Included by Makefile; each product installs its own files.
#
#   make install PREFIX=/usr/local DESTDIR=/tmp/stage    the command, the library, its header and pkg-config file, the hooks
#   make install-module                                  the Apache module, into the folder where $(APXS) looks for modules
#   make uninstall, make uninstall-module                with the same variables
#
# The path of each file is printed. DESTDIR is a stage that is copied to / later: files mention only PREFIX.

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
DATADIR    ?= $(PREFIX)/share/djauthd
COMPDIR    ?= $(PREFIX)/share/bash-completion/completions
INSTALL    ?= install

# place MODE FILE TARGET; alias FILE LINK; remove FILES
place  = $(INSTALL) -D -m $(1) $(2) $(DESTDIR)$(3) && echo "$(DESTDIR)$(3)"
alias  = ln -sf $(1) $(DESTDIR)$(2) && echo "$(DESTDIR)$(2)"
remove = for file in $(1); do rm -f "$(DESTDIR)$$file" && echo "$(DESTDIR)$$file"; done

.PHONY: FORCE
FORCE:
