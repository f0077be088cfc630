//go:build !submit

package main

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dnseal/cmd/internal/config"
)

// profileAddress stands in PROFILE.md for the address of the sandbox.
const profileAddress = "127.0.0.1:5355"

// TestProfileCommands runs the commands of PROFILE.md as they stand there, one after the other, and
// wants of each the lines that follow it, and its exit status.
func TestProfileCommands(t *testing.T) {
	t.Parallel()
	p := newProfile(t)
	p.write("dnseal.toml", blocks(p.text, "toml")[0])
	count := 0
	for _, block := range blocks(p.text, "console") {
		for step := range strings.SplitSeq(strings.TrimPrefix(block, "$ "), "\n$ ") {
			command, want, _ := strings.Cut(step, "\n")
			p.run(command, want)
			count++
		}
	}
	if count < 20 {
		t.Errorf("%d commands were found, want at least 20", count)
	}
}

// TestProfileNames: every test that PROFILE.md names is there, and so is every flag and every key
// of dnseal.toml.
func TestProfileNames(t *testing.T) {
	t.Parallel()
	text := readFile(t, filepath.Join("..", "..", "PROFILE.md"))
	tests := regexp.MustCompile("`([a-z0-9/]+) (Test[A-Za-z0-9]+)`").FindAllStringSubmatch(text, -1)
	if len(tests) < 40 {
		t.Errorf("%d tests were found", len(tests))
	}
	for _, m := range tests {
		if !hasTest(t, filepath.Join("..", "..", m[1]), m[2]) {
			t.Errorf("there is no test %s in %s", m[2], m[1])
		}
	}
	for _, section := range strings.Split(text, "\n## ")[1:] {
		if name, _, _ := strings.Cut(section, "\n"); !strings.Contains(section, "\nTests: `") {
			t.Errorf("section %q names no test", name)
		}
	}
	flags := allFlags(newRoot())
	for _, m := range regexp.MustCompile("--([a-z][a-z-]+)").FindAllStringSubmatch(text, -1) {
		if !flags[m[1]] {
			t.Errorf("no command has %s", m[0])
		}
	}
	sections, err := config.Manual()
	must(t, err)
	for _, m := range regexp.MustCompile("`(\\[+[a-z.]+\\]+)`(?: `([a-z-]+)`)?").FindAllStringSubmatch(text, -1) {
		at := slices.IndexFunc(sections, func(s config.Section) bool { return s.Name == m[1] })
		if at < 0 || m[2] != "" && !slices.ContainsFunc(sections[at].Keys, func(k config.Key) bool { return k.Name == m[2] }) {
			t.Errorf("dnseal.toml has no %s", m[0])
		}
	}
}

// allFlags are the names of the flags of a command and of all below it.
func allFlags(c *cobra.Command) map[string]bool {
	names := map[string]bool{}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) { names[f.Name] = true })
	for _, sub := range c.Commands() {
		maps.Copy(names, allFlags(sub))
	}
	return names
}

// profile is a run of the commands of PROFILE.md.
type profile struct {
	t         *testing.T
	text, dir string
	address   string // of the sandbox
	env       []string
}

func newProfile(t *testing.T) *profile {
	t.Helper()
	p := &profile{t: t, text: readFile(t, filepath.Join("..", "..", "PROFILE.md")), dir: t.TempDir(), address: profileAddress}
	program, err := filepath.Abs(os.Args[0])
	must(t, err)
	must(t, os.Mkdir(filepath.Join(p.dir, "bin"), 0o700))
	must(t, os.Symlink(program, filepath.Join(p.dir, "bin", "dnseal")))
	p.env = append(os.Environ(), "DNSEAL_TEST_MAIN=1", "PATH="+filepath.Join(p.dir, "bin")+":"+os.Getenv("PATH"))
	return p
}

func (p *profile) write(name, text string) {
	p.t.Helper()
	must(p.t, os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600))
}

// run runs one line of the profile. The sandbox takes a free port, and stands for the address in
// all that follows.
func (p *profile) run(line, want string) {
	p.t.Helper()
	command, status, _ := strings.Cut(line, " # exit status ")
	if background, ok := strings.CutSuffix(command, " &"); ok {
		p.background(strings.ReplaceAll(background, profileAddress, "127.0.0.1:0"))
		return
	}
	command = strings.ReplaceAll(command, profileAddress, p.address)
	if vars, ok := strings.CutPrefix(command, "export "); ok {
		p.env = append(p.env, strings.Fields(vars)...)
		return
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), hang)
	defer cancel()
	out, err := p.command(ctx, command).CombinedOutput()
	p.t.Logf("$ %s\n%s", command, out)
	if got := strings.TrimPrefix(errorText(err), "exit status "); got != status {
		p.t.Fatalf("%s: exit status %q, want %q\n%s", command, got, status, out)
	}
	rest := strings.Join(strings.Fields(string(out)), " ") // lines are folded by their width
	for part := range strings.FieldsFuncSeq(want, func(r rune) bool { return r == '…' || r == '\n' }) {
		part = strings.Join(strings.Fields(part), " ")
		_, after, found := strings.Cut(rest, part)
		if !found {
			p.t.Errorf("%s does not print %q, at its place:\n%s", command, part, out)
		}
		rest = after
	}
}

func (p *profile) command(ctx context.Context, command string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", "-c", command)
	cmd.Dir, cmd.Env = p.dir, p.env
	return cmd
}

// background starts the sandbox, which ends with the test, and learns its address.
func (p *profile) background(command string) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := p.command(ctx, "exec "+command)
	must(p.t, cmd.Start())
	p.t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	// another process: nothing to wait on but its file
	for end := time.Now().Add(hang); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(filepath.Join(p.dir, "root.anchor"))
		if err == nil {
			line, _, _ := strings.Cut(string(text), "\n")
			p.address = line[strings.LastIndexByte(line, ' ')+1:]
			p.write("dnseal.toml", strings.ReplaceAll(readFile(p.t, filepath.Join(p.dir, "dnseal.toml")), profileAddress, p.address))
			return
		}
		if time.Now().After(end) {
			p.t.Fatal("the sandbox wrote no anchor file")
		}
	}
}

// blocks are the code blocks of a kind in text.
func blocks(text, kind string) (found []string) {
	for _, part := range strings.Split(text, "\n```"+kind+"\n")[1:] {
		block, _, _ := strings.Cut(part, "\n```")
		found = append(found, block)
	}
	return found
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	must(t, err)
	return string(text)
}

// errorText is "" without an error.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	must(t, err)
	for _, file := range files {
		if strings.Contains(readFile(t, file), "func "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}
