# Each target is what CI runs. A target works on a machine that has Go and make,
# or says in one line what is missing.

# The ref whose schemas `make breaking` compares with.
AGAINST ?= HEAD~1
# How long `make fuzz` stays at each target.
FUZZTIME ?= 10s
# The program behind `make newcomer`.
NEWCOMER ?= ./newcomer/run

# Build tools are built from source, at the versions in tools/go.mod. Lint may
# run in another module, hence the absolute path.
TOOL := go tool -modfile=$(CURDIR)/tools/go.mod
BUF := $(TOOL) buf
GOLANGCI := $(TOOL) golangci-lint

# $(call need,PROGRAM) ends a recipe with one line where PROGRAM is missing.
need = command -v $(1) >/dev/null 2>&1 || { echo "make $@: $(1) is missing; install it first" >&2; exit 1; }

.DEFAULT_GOAL := help

.PHONY: help
help: ## Print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r target words; do printf '  %-15s %s\n' "$$target" "$$words"; done

.PHONY: build
build: ## Compile every package; the commands go to bin/
	@$(call need,go)
	@mkdir -p bin
	go build -o bin/ ./...

.PHONY: test
test: ## Run the tests, under the race detector where there is a C compiler
	@$(call need,go)
	@race=-race cgo=1; \
	if [ "$$(go env CGO_ENABLED)" != 1 ] || ! command -v $$(go env CC | cut -d' ' -f1) >/dev/null 2>&1; then \
		race= cgo=0; echo "make $@: no C compiler (cgo), so without the race detector" >&2; \
	fi; \
	set -x; CGO_ENABLED=$$cgo go test $$race -shuffle=on ./...

.PHONY: everything
everything: ## Run the tests of what strangers send with every option of the server on
	@$(call need,go)
	go test -count=1 -run '^TestEverythingOn$$' ./server

.PHONY: test-services
test-services: ## Run the tests that need PostgreSQL and Redis, beside servers of their own
	@$(call need,go)
	@$(call need,bash)
	@internal/testservices/run internal/testservices/test

.PHONY: openfga
openfga: ## Test relation/openfga and the demo with OpenFGA, modules of their own: in the process, in memory and SQLite, and remote
	@$(call need,go)
	cd relation/openfga && go test -shuffle=on ./...
	cd cmd/demo/openfga && go test -shuffle=on ./...

.PHONY: browser
browser: ## Call a server from web pages in headless Chromium, which is installed where apt-get can
	@$(call need,go)
	@$(call need,bash)
	@tools/browser

.PHONY: solvers
solvers: ## Hold what is proved against z3 and cvc5, and prove the demo's assertions by them; they are installed where apt-get can
	@$(call need,go)
	@$(call need,bash)
	@tools/solvers

.PHONY: lint
lint: proto-deps ## Lint the Go code, the import arrows and the schemas
	@tools/lint "$(GOLANGCI)"
	$(BUF) lint

.PHONY: breaking
breaking: proto-deps ## Compare the schemas with those of AGAINST (a git ref)
	@$(call need,git)
	@tools/breaking "$(BUF)" "$(AGAINST)"

.PHONY: generate
generate: proto-deps ## Write gen/ anew from proto/
	@tools/generate "$(BUF)"

.PHONY: check
check: proto-deps conformance-gen ## Fail where gen/, go.mod or the formatting is not what it would be made anew
	@tools/check "$(BUF)"

.PHONY: proto-deps
proto-deps: ## Put the third-party schemas into third_party/proto (git-ignored)
	@$(call need,go)
	@go run ./cmd/sallyport protos third_party/proto buf/validate/validate.proto

.PHONY: bench
bench: ## Measure Sallyport beside its peers for a few minutes, into bench/README.md (needs h2load and taskset)
	@$(call need,go)
	@$(call need,h2load)
	@$(call need,taskset)
	cd bench && go run ./wire -rounds $(ROUNDS) -calls $(CALLS) -raw data/wire.json
	cd bench && go test -run '^$$' -bench . . -args -rounds $(ROUNDS) -raw data/inprocess.json
	cd bench && go run ./startup -raw data/startup.json
	cd bench && go run ./report

# How often `make bench` measures each row, and how many calls it makes over the wire.
ROUNDS ?= 5
CALLS ?= 10000

.PHONY: bench-resource
bench-resource: ## Measure a rule on a resource beside the same rule on the request, into bench/README.md
	@$(call need,go)
	cd bench && go test -run '^$$' -bench '^CallAboutResource$$' . -args -rounds $(ROUNDS) -into data/inprocess.json
	cd bench && go run ./report

# How often `make bench-conceal` asks for each of the two.
PAIRS_OF_CALLS ?= 20000

.PHONY: bench-conceal
bench-conceal: ## Compare how long an object of others and one that is not there take to be answered, where that is concealed
	@$(call need,go)
	cd bench && for readers in 3 1000; do for unshared in false true; do \
		go run ./conceal -pairs $(PAIRS_OF_CALLS) -readers $$readers -unshared=$$unshared || exit; \
	done; done

.PHONY: bench-full
bench-full: ## Measure longer, and run the benchmarks of the packages six times, summed up by benchstat
	@$(MAKE) bench ROUNDS=11 CALLS=40000
	go test -run '^$$' -bench . -count 6 ./action ./server ./authn/bearer | tee bench/data/packages.txt
	$(TOOL) benchstat bench/data/packages.txt

.PHONY: bench-observed
bench-observed: ## Measure what telemetry and the audit log cost a call (needs h2load and taskset; PostgreSQL where it is installed)
	@$(call need,go)
	@$(call need,bash)
	@$(call need,h2load)
	@$(call need,taskset)
	@tools/bench-observed

# Of how many actions `make bench-review` reviews a contract.
ACTIONS ?= 1000

.PHONY: bench-review
bench-review: ## Print how long the review of a contract of ACTIONS actions takes: matrix, diff, and prove of ten patterns
	@$(call need,go)
	SALLYPORT_TEST_REVIEW_ACTIONS=$(ACTIONS) go test -count=1 -v -run '^TestManyActions$$' ./cmd/sallyport

.PHONY: bench-check
bench-check: ## Hold what a call allocates to its budget, its instructions where there is valgrind, and observers to see each call
	@$(call need,go)
	cd bench && go test -count=1 ./calls ./raw ./report ./wire
	@if command -v valgrind >/dev/null 2>&1; then bench/instructions; \
	else echo "make $@: valgrind is missing, so instructions are not counted" >&2; fi

.PHONY: fuzz
fuzz: ## Fuzz every Fuzz target for FUZZTIME each
	@$(call need,go)
	@tools/fuzz "$(FUZZTIME)"

.PHONY: fields
fields: ## Hold what is cleared, written and named of a million random messages each against a slow reference
	@$(call need,go)
	SALLYPORT_TEST_FIELD_PAIRS=1000000 go test -count=1 -timeout 60m -run '^TestRandom(Writes|Names)?Agrees?WithReference$$' -v ./internal/field

.PHONY: differential
differential: ## Hold compiled conditions against CEL a million times, and what is said of them against random inputs; find the seeded faults of write rules
	@$(call need,go)
	go test -count=1 -run '^TestWriteComparisonFindsFaults$$' ./internal/field
	SALLYPORT_DIFFERENTIAL_PAIRS=1000000 go test -count=1 -run '^(TestDifferential|TestConstancyOfRandomConditions|TestWhatIsNotReadMakesNoDifference)$$' -v ./internal/condition

# Against how many calls `make contracts` holds each pair.
CONTRACT_CALLS ?= 100000

.PHONY: contracts
contracts: ## Hold what diff says of 200 random pairs of contracts against CONTRACT_CALLS calls each
	@$(call need,go)
	SALLYPORT_TEST_CONTRACT_CALLS=$(CONTRACT_CALLS) go test -count=1 -timeout 60m -run '^TestRandomContracts$$' -v ./internal/prove

# Of how many conditions `make encoded` makes terms, and holds each against a hundred inputs.
ENCODED_CONDITIONS ?= 10000

.PHONY: encoded
encoded: ## Hold the terms that solvers are given of conditions against the gate's answers, a million times
	@$(call need,go)
	SALLYPORT_TEST_ENCODED_CONDITIONS=$(ENCODED_CONDITIONS) go test -count=1 -timeout 60m -run '^TestEncoded$$' -v ./internal/prove

# How many questions `make agreement` asks.
QUESTIONS ?= 10000

.PHONY: agreement
agreement: ## Hold what is decided without solvers, by z3, by cvc5 and by the gate against each other, on QUESTIONS random questions
	@$(call need,go)
	@$(call need,z3)
	@$(call need,cvc5)
	SALLYPORT_TEST_SOLVED_CONDITIONS=$(QUESTIONS) go test -count=1 -timeout 240m -run '^TestAgreement$$' -v ./internal/prove

# What `make mutation` changes. SINCE=ref keeps to the functions that changed since
# then, LIMIT=150s ends early.
MUTATE ?= ./authn/... ./internal/declare ./internal/condition ./internal/policy ./action ./server

.PHONY: mutation
mutation: ## Find faults that the tests would miss: run them against small changes of the code
	@$(call need,go)
	@$(call need,bash)
	internal/testservices/run go run -C tools ./mutation -dir .. $(if $(SINCE),-since $(SINCE)) $(if $(LIMIT),-limit $(LIMIT)) $(MUTATE)

# The files of the steps of a call.
STEPS = action/(gate|authenticate|claims|authorize|load|validate|limit|stream_gate|recheck|each|intake|write|answer)\.go|internal/policy/

# tools/mutation/undenied.txt lists what no step is: explanations and records of denials, speed,
# callers who are gone, what a server refuses, and what a handler returns.
.PHONY: denials
denials: ## Fail where actiontest.Denials alone misses a fault of the gate or of the decision that is not listed
	@$(call need,go)
	go run -C tools ./mutation -dir .. -kept ../bin/denials -listed tools/mutation/undenied.txt -by action/actiontest -tests '^TestDenials(AboutObjects|ByRelations|OfClaims|OfElements|OfNames|OfReads|OfSteps|OfWrites)?$$' -files '$(STEPS)' ./action ./internal/policy

# How often `make restarts` ends the demo.
RESTARTS ?= 50

.PHONY: restarts
restarts: ## Kill the demo, and stop and start it, RESTARTS times under load, and verify its audit log
	@$(call need,go)
	DEMO_TEST_ROUNDS=$(RESTARTS) go test -count=1 -timeout 60m -v -run '^Test(Killed|Restarted)$$' ./cmd/demo/internal/demo

# How long `make limits` calls.
LIMITS ?= 10s

.PHONY: limits
limits: ## Call two servers that share limits by one Redis at full speed for LIMITS, and print how many calls they admit
	@$(call need,go)
	@$(call need,bash)
	SALLYPORT_TEST_LIMITS=$(LIMITS) internal/testservices/run go test -count=1 -v -run '^TestTwoServersOneRedis$$' ./limit/redislimit

# How many pairs of a rule and a row `make filters` compares on each database.
PAIRS ?= 1000000

.PHONY: filters
filters: ## Hold PAIRS random rules and rows against SQLite and PostgreSQL: the gate, a filter in memory and SQL say the same
	@$(call need,go)
	@$(call need,bash)
	SALLYPORT_TEST_FILTERS=$(PAIRS) internal/testservices/run go test -count=1 -timeout 60m -v -run '^TestSQLSaysWhatTheGateSays$$' ./filter/sqlfilter

# How often `make soak` runs each test.
SOAK ?= 100

.PHONY: soak
soak: ## Run the tests of revocations and of streams' ends SOAK times under the race detector
	@$(call need,go)
	@$(call need,bash)
	@tools/soak $(SOAK)

# By how much the servers of `make late` are late at most.
LATE ?= 100ms

.PHONY: late
late: ## Run the tests of package server on servers that read and record late: what passes by luck fails
	@$(call need,go)
	SALLYPORT_TEST_LATE=$(LATE) go test -count=1 -shuffle=on -timeout 30m -skip '^TestEverythingOn$$' ./server

# How often `make stalled` runs each test, and of which packages.
STALLS ?= 3
STALLED ?= ./action/... ./audit ./authn/... ./client ./limit/... ./server/... ./telemetry/...

.PHONY: stalled
stalled: ## Run tests in processes that stop together at random times, as on a busy machine: what passes by luck fails
	@$(call need,go)
	@$(call need,bash)
	@$(call need,setsid)
	@internal/testservices/run tools/stalled $(STALLS) $(STALLED)

.PHONY: abuse
abuse: ## Attack a server as strangers could, and print what it spends (its flags: ARGS="-run echo")
	@$(call need,go)
	@test -r /proc/self/status || { echo "make $@: it reads the server's memory from /proc, which is not here" >&2; exit 1; }
	go run ./abuse $(ARGS)

# LONG=1 takes a few minutes, with ten thousand slow connections and a minute of overload.
.PHONY: load
load: ## Measure how a server bears slow clients, twice its capacity, and clients that are gone (LONG=1: at full size)
	@$(call need,go)
	@test -r /proc/self/status || { echo "make $@: it reads the server's memory from /proc, which is not here" >&2; exit 1; }
	go run ./abuse -load $(if $(LONG),-long)

.PHONY: h2spec
h2spec: ## Compare the server's HTTP/2 with that of net/http alone, by the cases of h2spec
	@$(call need,go)
	@$(call need,bash)
	@tools/h2spec

.PHONY: newcomer
newcomer: ## Follow docs/tutorial.md and docs/guides/tenants.md in empty folders outside the repository
	@$(call need,go)
	@test -x $(NEWCOMER) || { echo "make $@: there is no $(NEWCOMER) yet" >&2; exit 1; }
	$(NEWCOMER)

.PHONY: new
new: ## Have a project of `sallyport new` generate, test, prove, serve and be called, outside the repository
	@$(call need,go)
	@$(call need,curl)
	newcomer/new

.PHONY: conformance
conformance: conformance-gen ## Let Connect's conformance suite and gRPC's interop client call our server
	@$(call need,go)
	@$(call need,bash)
	@conformance/run

.PHONY: conformance-gen
conformance-gen: ## Generate what conformance/ needs of others' schemas (git-ignored)
	@$(call need,go)
	@conformance/generate "$(BUF)"

.PHONY: demo
demo: ## Serve the demo on 127.0.0.1:8080 (its flags: ARGS="-addr ...")
	@$(call need,go)
	go run ./cmd/demo $(ARGS)

.PHONY: clean
clean: ## Remove what the other targets wrote and git ignores
	rm -rf bin third_party conformance/gen
