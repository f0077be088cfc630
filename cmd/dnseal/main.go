// Command dnseal signs mail with keys bound to names in the DNS, and verifies
// such signatures by nothing but the DNS.
//
// One file is one command; this one is wiring. commands.go has the tree of all commands, and
// commands_submit.go that of the build for devices, with the build tag submit. "dnseal help" has
// the manual.
package main

import (
	"cmp"
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/usage"
	"dnseal/sender/identity/pkcs11"
	"dnseal/sender/identity/tpm"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(int(run()))
}

// run is main without the exit, so that script tests can call it.
func run() cli.Exit {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A write that fails lets files be completed or removed.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	cmd := newRoot()
	args, err := submitArgs(os.Args[0], os.Args[1:])
	if err != nil {
		return cli.Report(cmd.ErrOrStderr(), err)
	}
	cmd.SetArgs(args)
	cmd.SetIn(input(ctx))
	if err := cmd.ExecuteContext(ctx); err != nil {
		return cli.Report(cmd.ErrOrStderr(), err)
	}
	return cli.ExitOK
}

// lazy calls start before its first Read.
type lazy struct {
	io.Reader
	start func()
}

func (l lazy) Read(p []byte) (int, error) {
	l.start()
	return l.Reader.Read(p)
}

// input is standard input until ctx ends: then a Read that still waits fails with the error of ctx.
// Nothing is read before the first Read.
func input(ctx context.Context) io.Reader {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) })
	return lazy{r, sync.OnceFunc(func() {
		go func() {
			_, err := io.Copy(w, os.Stdin)
			w.CloseWithError(err)
		}()
	})}
}

// newRoot returns the command tree of this build: see commands.go and commands_submit.go.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "dnseal COMMAND",
		Short:         "Sign mail with DNS-bound keys, verify it by nothing but the DNS",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	addCommands(root)
	usage.Set(root)
	setVersion(root)
	return root
}

// setVersion adds --version. Cobra's own would bring text/template into the build for devices.
func setVersion(root *cobra.Command) {
	version := root.Flags().BoolP("version", "v", false, "version, commit and build of "+root.Name())
	run := root.RunE
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if *version {
			_, err := io.WriteString(cmd.OutOrStdout(), root.Name()+" "+cli.ThisBuild().String()+"\n"+parts()+"\n")
			return err
		}
		return run(cmd, args)
	}
}

// parts are the optional ones of the program.
func parts() string {
	var with, without []string
	for _, p := range []struct {
		built     bool
		name, how string
	}{
		{tpm.Built, "TPM 2.0", "for it: -tags submit,tpm"},
		{pkcs11.Built, "PKCS #11", "for it: make build TAGS=pkcs11, with cgo"},
	} {
		if p.built {
			with = append(with, p.name)
		} else {
			without = append(without, p.name+" ("+p.how+")")
		}
	}
	text := "with " + cmp.Or(strings.Join(with, ", "), "no tokens")
	if without != nil {
		text += "; without " + strings.Join(without, ", ")
	}
	return text
}
