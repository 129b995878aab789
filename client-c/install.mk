# make install and make uninstall, for hosts that have no package. Included by Makefile.
#
#   make install PREFIX=/usr/local DESTDIR=/tmp/stage    the command, the library, what programs need to use it, the hooks
#   make install-module                                  the Apache module, where the server looks for modules
#
# Each file is printed. What is in DESTDIR is for copying to /: PREFIX alone is written into files.

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
DATADIR    ?= $(PREFIX)/share/djauthd
MODULEDIR  ?= $(shell $(APXS) -q LIBEXECDIR)
MODSDIR    ?= /etc/apache2/mods-available
INSTALL    ?= install

# A file from here, or from build/, under another name where it has one there.
place = $(INSTALL) -D -m $(1) $(2) $(DESTDIR)$(3) && echo "$(DESTDIR)$(3)"
alias = ln -sf $(1) $(DESTDIR)$(2) && echo "$(DESTDIR)$(2)"

LIBRARY_FILE := libdjauth.so.$(VERSION)
HOOKS        := $(wildcard hooks/*/*)

INSTALLED = $(BINDIR)/djauth $(LIBDIR)/$(LIBRARY_FILE) $(LIBDIR)/$(SONAME) $(LIBDIR)/libdjauth.so $(LIBDIR)/libdjauth.a \
            $(LIBDIR)/pkgconfig/djauth.pc $(INCLUDEDIR)/djauth.h $(MANDIR)/man1/djauth.1 \
            $(HOOKS:%=$(DATADIR)/%) $(DATADIR)/hooks/djauth-hook.sh
MODULE_INSTALLED = $(MODULEDIR)/mod_authnz_django.so $(MODSDIR)/authnz_django.load $(MODSDIR)/authnz_django.conf

$(OUT)/djauth.pc: lib/djauth.pc.in Makefile install.mk FORCE | $(OUT)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' lib/djauth.pc.in > $@

.PHONY: install uninstall install-module uninstall-module FORCE
FORCE:

install: library command $(OUT)/djauth.pc
	@$(call place,755,$(OUT)/djauth,$(BINDIR)/djauth)
	@$(call place,755,$(OUT)/libdjauth.so,$(LIBDIR)/$(LIBRARY_FILE))
	@$(call alias,$(LIBRARY_FILE),$(LIBDIR)/$(SONAME))
	@$(call alias,$(SONAME),$(LIBDIR)/libdjauth.so)
	@$(call place,644,$(OUT)/libdjauth.a,$(LIBDIR)/libdjauth.a)
	@$(call place,644,$(OUT)/djauth.pc,$(LIBDIR)/pkgconfig/djauth.pc)
	@$(call place,644,djauth.h,$(INCLUDEDIR)/djauth.h)
	@$(call place,644,command/djauth.1,$(MANDIR)/man1/djauth.1)
	@$(call place,644,hooks/djauth-hook.sh,$(DATADIR)/hooks/djauth-hook.sh)
	@$(foreach hook,$(HOOKS),$(call place,755,$(hook),$(DATADIR)/$(hook)) &&) :

install-module: module
	@$(call place,644,$(OUT)/mod_authnz_django.so,$(MODULEDIR)/mod_authnz_django.so)
	@$(call place,644,conf/authnz_django.load,$(MODSDIR)/authnz_django.load)
	@test -e $(DESTDIR)$(MODSDIR)/authnz_django.conf || $(call place,644,conf/authnz_django.conf,$(MODSDIR)/authnz_django.conf)

uninstall:
	@for file in $(INSTALLED); do rm -f "$(DESTDIR)$$file" && echo "$(DESTDIR)$$file"; done

# The .conf is the administrator's.
uninstall-module:
	@for file in $(filter-out %.conf,$(MODULE_INSTALLED)); do rm -f "$(DESTDIR)$$file" && echo "$(DESTDIR)$$file"; done
