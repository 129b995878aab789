# libdjauth: the shared library, the archive, and what programs need to use them. Included by Makefile.

# Frames need no connection; the library is both.
WIRE_SOURCES := $(addprefix lib/,octets.c utf8.c encode.c walk.c value.c reply.c reply_answer.c reply_groups.c)
LIB_SOURCES  := $(addprefix lib/,djauth.c exchange.c connection.c) $(WIRE_SOURCES)
LIB_HEADERS  := djauth.h $(addprefix lib/,connection.h limits.h octets.h utf8.h value.h wire.h)
OBJECTS      := $(LIB_SOURCES:%.c=$(OUT)/%.o)
ANALYZED     += $(LIB_SOURCES)

SONAME       := libdjauth.so.0
LIBRARY_FILE := libdjauth.so.$(VERSION)

.PHONY: library
all: library
library: $(OUT)/libdjauth.so $(OUT)/libdjauth.a

$(OUT)/%.o: %.c $(LIB_HEADERS) ../package.json | $(OUT)
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -fPIC -c -o $@ $<

$(OUT)/libdjauth.a: $(OBJECTS)
	rm -f $@
	$(AR) rcs $@ $(OBJECTS)

$(OUT)/libdjauth.so: $(OBJECTS) lib/libdjauth.map
	$(CC) -shared -Wl,-soname,$(SONAME) -Wl,--version-script,lib/libdjauth.map $(LDHARDEN) $(LDFLAGS) -o $@ $(OBJECTS) $(LIBS)

# Always made again: PREFIX may have changed.
$(OUT)/djauth.pc: lib/djauth.pc.in FORCE | $(OUT)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' -e 's|@MSGPACK_LIBS@|$(strip $(MSGPACK_LIBS))|' lib/djauth.pc.in > $@

install:: library $(OUT)/djauth.pc
	@$(call place,755,$(OUT)/libdjauth.so,$(LIBDIR)/$(LIBRARY_FILE))
	@$(call alias,$(LIBRARY_FILE),$(LIBDIR)/$(SONAME))
	@$(call alias,$(SONAME),$(LIBDIR)/libdjauth.so)
	@$(call place,644,$(OUT)/libdjauth.a,$(LIBDIR)/libdjauth.a)
	@$(call place,644,$(OUT)/djauth.pc,$(LIBDIR)/pkgconfig/djauth.pc)
	@$(call place,644,djauth.h,$(INCLUDEDIR)/djauth.h)

uninstall::
	@$(call remove,$(addprefix $(LIBDIR)/,$(LIBRARY_FILE) $(SONAME) libdjauth.so libdjauth.a pkgconfig/djauth.pc) $(INCLUDEDIR)/djauth.h)

clean::
	rm -f $(OBJECTS) $(OUT)/libdjauth.so $(OUT)/libdjauth.a $(OUT)/djauth.pc
