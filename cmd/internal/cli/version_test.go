package cli

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestBuild(t *testing.T) {
	t.Parallel()
	built := "\nbuilt by " + runtime.Version() + " for " + runtime.GOOS + "/" + runtime.GOARCH + ", build tags: "
	settings := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "-tags", Value: "submit,tpm"}, {Key: "vcs.revision", Value: "4a767c62"}, {Key: "vcs.modified", Value: modified}}
	}
	for name, tt := range map[string]struct {
		info            *debug.BuildInfo
		release, commit string
		name, text      string
	}{
		"nothing known": {nil, "", "", "development", "development, commit unknown" + built + "none"},
		"go build in a repository": {
			&debug.BuildInfo{Main: debug.Module{Version: "v1.2.0"}, Settings: settings("false")}, "", "",
			"1.2.0", "1.2.0, commit 4a767c62" + built + "submit,tpm",
		},
		"with changes": {
			&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: settings("true")}, "", "",
			"development, commit 4a767c62-dirty", "development, commit 4a767c62-dirty" + built + "submit,tpm",
		},
		"make": {
			&debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-2026"}, Settings: settings("true")}, "1.2.0~rc1", "cafe",
			"1.2.0~rc1", "1.2.0~rc1, commit cafe" + built + "submit,tpm",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBuild(tt.info, tt.release, tt.commit)
			if b.name() != tt.name || b.String() != tt.text {
				t.Errorf("%q\n%q", b.name(), b.String())
			}
		})
	}
}
