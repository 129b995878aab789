# The Apache module, for the server that $(APXS) belongs to. Included by Makefile.
#
#   make module                               ../build/mod_authnz_django.so
#   make module-asan                          the same with ASan and UBSan, in ../build/asan
#   make APXS=/opt/httpd/bin/apxs module

APXS      ?= apxs
MODULEDIR ?= $(shell $(APXS) -q LIBEXECDIR)
MODSDIR   ?= /etc/apache2/mods-available

MODULE_SOURCES := $(addprefix apache/,mod_authnz_django.c account.c connections.c directives.c environment.c epoch.c error_log.c \
                    http_status.c lease_table.c leases.c mac.c mod_python.c obsolete.c require.c require_line.c section.c status_page.c values.c verdict.c waiting.c) $(LIB_SOURCES)
MODULE_HEADERS := $(addprefix apache/,mod_authnz_django.h directives.h epoch.h lease_table.h mac.h require.h compat.h) $(LIB_HEADERS)

# Recursive, so that apxs is run only when the module is built. -isystem: no warnings about httpd's headers. -w, which an
# old httpd may have been built with, would hide the module's own warnings.
APXS_CFLAGS    = $(filter-out -I% -w,$(shell $(APXS) -q CFLAGS) $(shell $(APXS) -q EXTRA_CFLAGS))
APR_CONFIG     = $(or $(wildcard $(shell $(APXS) -q APR_CONFIG 2>/dev/null)),apr-1-config)
APR_CPPFLAGS   = $(shell $(APR_CONFIG) --cppflags)
APR_INCLUDES   = $(patsubst -I%,-isystem %,$(shell $(APR_CONFIG) --includes) -I$(shell $(APXS) -q APU_INCLUDEDIR))
HTTPD_INCLUDES = -isystem $(shell $(APXS) -q INCLUDEDIR) $(APR_INCLUDES)

# apxs repeats the server's own optimisation and hardening; those of ALLFLAGS come later and override them.
MODULE_CFLAGS  = $(APXS_CFLAGS) $(filter-out -D_GNU_SOURCE,$(APR_CPPFLAGS)) $(HTTPD_INCLUDES) $(ALLFLAGS) -fPIC
MODULE_LDFLAGS = -shared -Wl,--version-script,apache/mod_authnz_django.map $(LDHARDEN) $(LDFLAGS)
# Only the module computes HMACs.
CRYPTO_LIBS   ?= -lcrypto
SANITIZE      := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

# The files of the module that know nothing of httpd.
ANALYZED += $(addprefix apache/,epoch.c lease_table.c mac.c)

.PHONY: apxs-present
apxs-present:
	@command -v $(APXS) >/dev/null || { echo "apxs not found: install apache2-dev or set APXS" >&2; exit 1; }
	@echo '#include <openssl/evp.h>' | $(CC) $(CFLAGS) -E -x c - >/dev/null 2>&1 || { echo "libcrypto not found: install libssl-dev \
	or set CFLAGS and CRYPTO_LIBS" >&2; exit 1; }

# A module is built for one httpd: another $(APXS) rebuilds it.
$(OUT)/httpd.stamp: FORCE | $(OUT) apxs-present
	@used='$(APXS) $(HTTPD_INCLUDES)'; test "$$used" = "$$(cat $@ 2>/dev/null)" || echo "$$used" >$@

.PHONY: module
all: module
module: $(OUT)/mod_authnz_django.so

MODULE_INPUTS := $(MODULE_SOURCES) $(MODULE_HEADERS) apache/mod_authnz_django.map apache/module.mk $(OUT)/httpd.stamp

$(OUT)/mod_authnz_django.so: $(MODULE_INPUTS)
	$(CC) $(MODULE_CFLAGS) $(MODULE_LDFLAGS) -o $@ $(MODULE_SOURCES) $(LIBS) $(CRYPTO_LIBS) -pthread

# httpd must be started with LD_PRELOAD of the sanitizers' libraries, which have their own checks of the C library.
.PHONY: module-asan
module-asan: $(OUT)/asan/mod_authnz_django.so
$(OUT)/asan/mod_authnz_django.so: $(MODULE_INPUTS)
	mkdir -p $(@D)
	$(CC) $(MODULE_CFLAGS) -U_FORTIFY_SOURCE -O1 $(SANITIZE) $(MODULE_LDFLAGS) \
		-o $@ $(MODULE_SOURCES) $(LIBS) $(CRYPTO_LIBS) -pthread

# Samples: to use them, copy them into /etc/fail2ban.
FAIL2BAN := fail2ban/filter.d/djauthd.conf fail2ban/jail.d/djauthd.conf

.PHONY: install-module uninstall-module
install-module: module
	@$(call place,644,$(OUT)/mod_authnz_django.so,$(MODULEDIR)/mod_authnz_django.so)
	@$(call place,644,conf/authnz_django.load,$(MODSDIR)/authnz_django.load)
	@$(foreach sample,$(FAIL2BAN),$(call place,644,conf/$(sample),$(DATADIR)/$(sample)) &&) :
	@test -e $(DESTDIR)$(MODSDIR)/authnz_django.conf || $(call place,644,conf/authnz_django.conf,$(MODSDIR)/authnz_django.conf)

# The .conf is the administrator's.
uninstall-module:
	@$(call remove,$(MODULEDIR)/mod_authnz_django.so $(MODSDIR)/authnz_django.load $(addprefix $(DATADIR)/,$(FAIL2BAN)))

clean::
	rm -f $(OUT)/mod_authnz_django.so $(OUT)/httpd.stamp
	rm -rf $(OUT)/asan
