package raw

import (
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// An Environment is what a run was made in.
type Environment struct {
	// Time is when the run began.
	Time time.Time `json:"time"`
	// Commit is that of the work tree. A plus sign follows it where files of the work tree
	// are not those of the commit. It is empty where git is missing.
	Commit string `json:"commit"`
	// Go, OS and Processor are the compiler's version, the system and the processor.
	Go        string `json:"go"`
	OS        string `json:"os"`
	Processor string `json:"processor"`
	CPUs      int    `json:"cpus"`
	// Load is how many processes wanted to run when the run began and when it ended, by
	// the averages of one minute. One that measures on a quiet machine begins near 0.
	Load []string `json:"load"`
	// Modules are the versions of what is measured, by module.
	Modules map[string]string `json:"modules"`
}

// measured are the modules whose versions matter.
var measured = []string{
	"buf.build/go/protovalidate", "cel.dev/cel-go", "connectrpc.com/connect", "connectrpc.com/connect/v2", "connectrpc.com/validate",
	"github.com/casbin/casbin/v2", "github.com/cedar-policy/cedar-go", "github.com/open-policy-agent/opa",
	"github.com/twitchtv/twirp", "google.golang.org/grpc", "google.golang.org/protobuf",
}

// Surroundings returns what this process runs in, as it begins.
func Surroundings() Environment {
	environment := Environment{
		Time:      time.Now().UTC().Truncate(time.Second),
		Commit:    commit(),
		Go:        runtime.Version(),
		OS:        runtime.GOOS + "/" + runtime.GOARCH,
		Processor: processor(),
		CPUs:      runtime.NumCPU(),
		Modules:   make(map[string]string),
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if slices.Contains(measured, module.Path) {
				environment.Modules[module.Path] = module.Version
			}
		}
	}
	environment.LoadNow()
	return environment
}

// LoadNow adds the load of the machine as it is.
func (e *Environment) LoadNow() {
	content, _ := os.ReadFile("/proc/loadavg")
	load, _, _ := strings.Cut(string(content), " ")
	e.Load = append(e.Load, load)
}

func commit() string {
	head, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output() //nolint:noctx // it ends at once
	if err != nil {
		return ""
	}
	changed, _ := exec.Command("git", "status", "--porcelain", "--untracked-files=no", ":/", ":!/bench").Output() //nolint:noctx // it ends at once
	if len(changed) > 0 {
		return strings.TrimSpace(string(head)) + "+"
	}
	return strings.TrimSpace(string(head))
}

func processor() string {
	content, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(content)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
