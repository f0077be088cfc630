package main

import "github.com/spf13/cobra"

func newExplain() *cobra.Command { panic("unwritten") }
