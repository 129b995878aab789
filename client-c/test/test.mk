# The C tests: make check prints TAP and fails if a test does. Included by Makefile after the products.

TEST_OUT      := $(OUT)/c-test
VECTORS       := $(wildcard ../protocol/vectors/*.json)
TEST_CFLAGS    = $(STD) $(WARNINGS) -g -O1 -fno-omit-frame-pointer -I$(TEST_OUT) $(CFLAGS)
ASAN          := -fsanitize=address,undefined -fno-sanitize-recover=all
GCC           ?= gcc
CLANG         ?= clang
FUZZ_SECONDS  ?= 60

$(TEST_OUT): | prerequisites
	mkdir -p $@

$(TEST_OUT)/vectors.h: test/vectors.mjs $(VECTORS) | $(TEST_OUT)
	node test/vectors.mjs > $@.part
	mv $@.part $@

$(TEST_OUT)/test_vectors: test/test_vectors.c test/tap.h $(WIRE_SOURCES) $(LIB_HEADERS) $(TEST_OUT)/vectors.h
	$(CC) $(TEST_CFLAGS) $(ASAN) -o $@ test/test_vectors.c $(WIRE_SOURCES) $(LIBS)

# This one includes the sources, to look inside.
$(TEST_OUT)/test_connection: test/test_connection.c test/tap.h test/server.h $(LIB_SOURCES) $(LIB_HEADERS) $(TEST_OUT)/vectors.h
	$(CC) $(TEST_CFLAGS) $(ASAN) -o $@ test/test_connection.c $(LIBS) -pthread

$(TEST_OUT)/test_threads: test/test_threads.c test/tap.h test/server.h $(LIB_SOURCES) $(LIB_HEADERS) $(TEST_OUT)/vectors.h
	$(CC) $(TEST_CFLAGS) -fsanitize=thread -o $@ test/test_threads.c $(LIB_SOURCES) $(LIBS) -pthread

# The module's own tests use the headers of the httpd that it is built for.
$(TEST_OUT)/test_pool: test/test_pool.c test/tap.h test/server.h apache/connections.c apache/mod_authnz_django.h apache/compat.h \
                       $(LIB_SOURCES) $(LIB_HEADERS) $(TEST_OUT)/vectors.h $(OUT)/httpd.stamp
	$(CC) $(APXS_CFLAGS) $(filter-out -D_GNU_SOURCE,$(APR_CPPFLAGS)) $(HTTPD_INCLUDES) $(TEST_CFLAGS) -O1 -fsanitize=thread \
		-o $@ test/test_pool.c $(LIB_SOURCES) $(LIBS) $(shell $(APR_CONFIG) --link-ld) -pthread

LEASE_TEST := test/test_leases.c test/tap.h apache/lease_table.c apache/lease_table.h

$(TEST_OUT)/test_leases_tsan: $(LEASE_TEST) | $(TEST_OUT)
	$(CC) $(TEST_CFLAGS) -fsanitize=thread -o $@ test/test_leases.c -pthread

$(TEST_OUT)/test_leases_asan: $(LEASE_TEST) | $(TEST_OUT)
	$(CC) $(TEST_CFLAGS) $(ASAN) -o $@ test/test_leases.c -pthread

$(TEST_OUT)/test_epoch: test/test_epoch.c test/tap.h apache/epoch.c apache/epoch.h apache/lease_table.h | $(TEST_OUT)
	$(CC) $(TEST_CFLAGS) -fsanitize=thread -o $@ test/test_epoch.c -pthread

$(TEST_OUT)/test_lease_parts: test/test_lease_parts.c test/tap.h $(addprefix apache/,mac.c account.c) $(MODULE_HEADERS) $(OUT)/httpd.stamp | $(TEST_OUT)
	$(CC) $(APXS_CFLAGS) $(filter-out -D_GNU_SOURCE,$(APR_CPPFLAGS)) $(HTTPD_INCLUDES) $(TEST_CFLAGS) -O1 $(ASAN) \
		-o $@ test/test_lease_parts.c $(CRYPTO_LIBS) $(shell $(APR_CONFIG) --link-ld)

$(TEST_OUT)/djauth: $(COMMAND_SOURCES) $(COMMAND_HEADERS) $(LIB_SOURCES) $(LIB_HEADERS) | $(TEST_OUT)
	$(CC) $(TEST_CFLAGS) $(ASAN) -o $@ $(COMMAND_SOURCES) $(LIB_SOURCES) $(LIBS)

$(TEST_OUT)/reply_fuzz: fuzz/reply_fuzz.c $(WIRE_SOURCES) $(LIB_HEADERS) | $(TEST_OUT)
	$(CLANG) $(TEST_CFLAGS) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ fuzz/reply_fuzz.c \
		$(WIRE_SOURCES) $(LIBS)

$(TEST_OUT)/text_fuzz: fuzz/text_fuzz.c apache/values.c lib/utf8.c lib/utf8.h apache/directives.h apache/mod_authnz_django.h \
                       apache/compat.h djauth.h $(OUT)/httpd.stamp | $(TEST_OUT)
	$(CLANG) $(filter-out -D_GNU_SOURCE,$(APR_CPPFLAGS)) $(HTTPD_INCLUDES) $(TEST_CFLAGS) \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ fuzz/text_fuzz.c lib/utf8.c \
		$(shell $(APR_CONFIG) --link-ld)

# Subversion's own parser judges the groups file.
GROUPS_FUZZED := $(addprefix command/,svn/listing.c svn/file.c svn/names.c text.c) $(WIRE_SOURCES)

$(TEST_OUT)/groups_fuzz: fuzz/groups_fuzz.c $(GROUPS_FUZZED) $(COMMAND_HEADERS) $(LIB_HEADERS) | $(TEST_OUT)
	$(CLANG) $(TEST_CFLAGS) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ fuzz/groups_fuzz.c \
		$(GROUPS_FUZZED) $(LIBS) $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags libsvn_repos apr-1)) -lsvn_repos-1 -lsvn_subr-1 -lapr-1
	mkdir -p $(TEST_OUT)/groups-corpus

$(TEST_OUT)/corpus: test/vectors.mjs $(VECTORS) | $(TEST_OUT)
	node test/vectors.mjs --corpus $@

# The warnings of both compilers, and what gcc finds by following the paths.
$(TEST_OUT)/analyzed: $(ANALYZED) $(COMMAND_HEADERS) $(LIB_HEADERS) test/test.mk | $(TEST_OUT)
	for source in $(ANALYZED); do \
		$(CLANG) $(STD) $(WARNINGS) -O2 -c -o $@.o $$source || exit 1; \
	done
	for source in $(filter-out $(NOT_ANALYZED),$(ANALYZED)); do \
		$(GCC) $(STD) $(WARNINGS) -O2 -fanalyzer -c -o $@.o $$source || exit 1; \
	done
	rm -f $@.o
	touch $@

.PHONY: check fuzz
check: $(addprefix $(TEST_OUT)/,analyzed test_vectors test_connection test_threads test_pool test_leases_tsan \
       test_leases_asan test_epoch test_lease_parts djauth reply_fuzz text_fuzz groups_fuzz corpus) \
       library
	sh test/check.sh $(TEST_OUT) $(OUT)

fuzz: $(addprefix $(TEST_OUT)/,reply_fuzz text_fuzz groups_fuzz corpus)
	$(TEST_OUT)/reply_fuzz -max_len=65536 -timeout=5 -max_total_time=$(FUZZ_SECONDS) $(TEST_OUT)/corpus
	$(TEST_OUT)/text_fuzz -max_len=200 -timeout=5 -max_total_time=$(FUZZ_SECONDS)
	$(TEST_OUT)/groups_fuzz -max_len=4096 -timeout=5 -dict=fuzz/groups.dict -max_total_time=$(FUZZ_SECONDS) $(TEST_OUT)/groups-corpus $(TEST_OUT)/corpus

clean::
	rm -rf $(TEST_OUT)
