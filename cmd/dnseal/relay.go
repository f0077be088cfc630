//go:build !submit

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/flags"
	"dnseal/cmd/internal/relay/sasl"
	"dnseal/cmd/internal/service"
)

// configFlag is the flag of every command that reads dnseal.toml.
func configFlag(cmd *cobra.Command) *string {
	file := cmd.Flags().String("config", "/etc/dnseal/dnseal.toml", "configuration `FILE`")
	_ = cmd.MarkFlagFilename("config", "toml") // the flag is there
	return file
}

// runService runs a daemon until SIGTERM or SIGINT.
func runService(cmd *cobra.Command, daemon, file string) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	return service.Run(cmd.Context(), daemon, file, cmd.ErrOrStderr(), hup)
}

func newRelay() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "relay",
		Short: "Accept mail by SMTP, sign or verify it, and pass it on",
		Long: `Runs the listeners of [[relay]] in the configuration. Role "submission" signs
mail of clients that may submit; role "inbound" verifies mail for its
recipients. It replies 250 only after the next hop's 250 and has no queue, so a
crash loses no accepted mail.

SIGHUP reads the configuration again; when it has a mistake, the old one stays.
Messages in progress finish with the old one. SIGTERM finishes the messages in
progress, and ends. The log is one line a message, on standard error. See
dnseal.toml(5), and try the configuration with "dnseal check".

Exit status: 0 ended by SIGTERM or SIGINT; 2 the configuration is not usable, or
a listener cannot be opened or fails.`,
		Example: "  dnseal relay --config /etc/dnseal/dnseal.toml",
		Args:    cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return runService(cmd, "relay", *file)
	}
	cmd.AddCommand(newRelayPasswd())
	return cmd
}

func newRelayPasswd() *cobra.Command {
	var users string
	var remove bool
	cmd := &cobra.Command{
		Use:   "passwd NAME",
		Short: "Set a user's password in a users file",
		Long: `Sets the password of a user of a submission listener (SASL PLAIN) in a users
file, as users = "FILE" of [[relay]] names it. The password is read from
the terminal, or as one line of standard input. Only a hash is kept (argon2id).
The file is written whole or not at all, for its owner to read and write; a file
that is there keeps its mode and its other lines. Reload the relay after that.`,
		Example: "  dnseal relay passwd --users /etc/dnseal/users billing",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&users, "users", "/etc/dnseal/users", "users `FILE`")
	cmd.Flags().BoolVar(&remove, "remove", false, "remove the user instead")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name := args[0]
		if err := sasl.ValidUser(name); err != nil {
			return err
		}
		line := ""
		if !remove {
			password, err := flags.PromptPassword(cmd, "password of "+name)
			if err != nil {
				return err
			}
			hash, err := sasl.HashPassword(password)
			if err != nil {
				return err
			}
			line = name + ":" + hash
		}
		return setUser(users, name, line)
	}
	return cmd
}

// setUser puts line in the place of the user's line in the file; an empty line removes the user.
func setUser(file, name, line string) error {
	text, mode, err := readOld(file)
	if err != nil {
		return err
	}
	lines := slices.Collect(strings.SplitSeq(strings.TrimRight(string(text), "\n"), "\n"))
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, name+":") })
	switch {
	case at < 0 && line == "":
		return fmt.Errorf("there is no user %q in %s", name, file)
	case line == "":
		lines = slices.Delete(lines, at, at+1)
	case at < 0:
		lines = append(lines, line)
	default:
		lines[at] = line
	}
	changed := strings.TrimLeft(strings.Join(lines, "\n")+"\n", "\n")
	if err := sasl.CheckUserLines(changed); err != nil {
		return fmt.Errorf("%s is not a users file, and was not changed: %w", file, err)
	}
	return replaceFile(file, changed, cmp.Or(mode, 0o600))
}

// readOld reads a file that replaceFile will replace; there is no text and no mode when there is no
// file. A folder or a device is refused: it must not be replaced.
func readOld(file string) (text []byte, mode fs.FileMode, err error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0, nil
	case err != nil:
		return nil, 0, err
	case !info.Mode().IsRegular():
		return nil, 0, fmt.Errorf("%s is not a regular file; name another", file)
	}
	text, err = os.ReadFile(file)
	return text, info.Mode().Perm(), err
}

// replaceFile writes a file whole or not at all.
func replaceFile(file, text string, mode fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", file, flags.Cause(err))
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // renamed away, if all went well
	_, err = tmp.WriteString(text)
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}

func newMilter() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "milter",
		Short: "Sign or verify mail inside Postfix or Sendmail",
		Long: `Runs the listeners of [[milter]] in the configuration. Role "sign" signs
submitted mail, by the rules of who may sign as whom ([[sign.rule]]); role
"verify" verifies incoming mail and adds the result in Authentication-Results.
"dnseal check" prints the lines for main.cf and sendmail.mc.

SIGHUP reads the configuration again; when it has a mistake, the old one stays.
Messages in progress finish with the old one, and connections of the MTA stay
open. SIGTERM finishes the messages in progress, and ends. The log is one line a
message, on standard error.

Exit status: 0 ended by SIGTERM or SIGINT; 2 the configuration is not usable, or
a listener cannot be opened or fails.`,
		Example: "  dnseal milter --config /etc/dnseal/dnseal.toml",
		Args:    cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return runService(cmd, "milter", *file)
	}
	return cmd
}
