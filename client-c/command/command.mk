# The djauth command and the hooks that use it. Included by Makefile.

COMMAND_SOURCES := $(addprefix command/,main.c usage.c options.c password.c answer.c text.c replace_file.c \
                     svn/groups.c svn/listing.c svn/file.c svn/names.c)
COMMAND_HEADERS := command/command.h command/svn/svn.h
HOOKS           := $(wildcard hooks/*/*)

# gcc 12's analyzer cannot follow memory that grows in lists: it reports leaks and double frees in these two that are none.
# ASan covers them.
NOT_ANALYZED += command/svn/listing.c command/svn/file.c
ANALYZED     += $(COMMAND_SOURCES)

.PHONY: command
all: command
command: $(OUT)/djauth

$(OUT)/djauth: $(COMMAND_SOURCES) $(COMMAND_HEADERS) $(LIB_HEADERS) $(OUT)/libdjauth.a
	$(CC) $(ALLFLAGS) -fPIE -pie $(LDHARDEN) $(LDFLAGS) -o $@ $(COMMAND_SOURCES) $(OUT)/libdjauth.a $(LIBS)

install:: command
	@$(call place,755,$(OUT)/djauth,$(BINDIR)/djauth)
	@$(call place,644,command/djauth.1,$(MANDIR)/man1/djauth.1)
	@$(call place,644,command/djauth.bash,$(COMPDIR)/djauth)
	@$(call place,644,hooks/djauth-hook.sh,$(DATADIR)/hooks/djauth-hook.sh)
	@$(foreach hook,$(HOOKS),$(call place,755,$(hook),$(DATADIR)/$(hook)) &&) :

uninstall::
	@$(call remove,$(BINDIR)/djauth $(MANDIR)/man1/djauth.1 $(COMPDIR)/djauth $(DATADIR)/hooks/djauth-hook.sh $(HOOKS:%=$(DATADIR)/%))

clean::
	rm -f $(OUT)/djauth
