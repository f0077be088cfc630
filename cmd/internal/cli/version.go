package cli

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"strings"
)

// The linker sets these in builds by make (-X), where the source may come without its repository.
var release, commit string

// A Build says what this program was built from. A field is empty where that is not known.
type Build struct {
	Version string // such as "1.2.0", or "0~git20261130.203312.4a767c62" between releases
	Commit  string // with "-dirty" where the source had changes that were not committed
	Tags    string // build tags, separated by commas
	Go      string // version of Go, such as "go1.26.8"
	System  string // such as "linux/amd64"
}

// ThisBuild is the build of the program that runs.
func ThisBuild() Build {
	info, _ := debug.ReadBuildInfo()
	return newBuild(info, release, commit)
}

// newBuild prefers what make says to what go build recorded. info can be nil.
func newBuild(info *debug.BuildInfo, release, commit string) Build {
	b := Build{Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	if info == nil {
		info = &debug.BuildInfo{}
	}
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	b.Tags = set["-tags"]
	if b.Commit = cmp.Or(commit, set["vcs.revision"]); commit == "" && set["vcs.modified"] == "true" {
		b.Commit += "-dirty"
	}
	b.Version = cmp.Or(release, strings.TrimPrefix(strings.TrimPrefix(info.Main.Version, "(devel)"), "v"))
	return b
}

// Version is the version, or "development" with the commit where there is no version.
func Version() string { return ThisBuild().name() }

func (b Build) name() string {
	if b.Version == "" && b.Commit != "" {
		return "development, commit " + b.Commit
	}
	return cmp.Or(b.Version, "development")
}

// String is what --version prints: version and commit, and in a second line how it was built.
func (b Build) String() string {
	return cmp.Or(b.Version, "development") + ", commit " + cmp.Or(b.Commit, "unknown") +
		"\nbuilt by " + b.Go + " for " + b.System + ", build tags: " + cmp.Or(b.Tags, "none")
}
