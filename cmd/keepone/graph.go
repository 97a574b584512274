package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"keepone/chart"
	"keepone/history"
)

func graphCommand(s *selection) *cobra.Command {
	var since time.Duration
	var svg string
	c := &cobra.Command{
		Use:   "graph [NAME]",
		Short: "Draw the backend's memory over time, as text or a picture",
		Long: `Graph draws what the backend had in memory, with its limits and with every
restart marked: in the terminal, or with --svg as a picture for a report.`,
		Example: "    keepone graph --since 30m\n    keepone graph web2py --svg web2py.svg",
		Args:    oneName,
		RunE: func(_ *cobra.Command, args []string) error {
			r, t, err := lookBack(s, args, since)
			if err != nil {
				return err
			}
			if len(r.Minutes)+len(r.Seconds) == 0 {
				return fmt.Errorf("cannot draw %s: nothing was seen in the last %s", t.name, duration(since.Seconds()))
			}
			c := graphOf(t, r)
			if svg != "" {
				return drawPicture(svg, c)
			}
			_, err = fmt.Print(drawText(c))
			return err
		},
	}
	sinceFlag(c, &since, 24*time.Hour)
	c.Flags().StringVar(&svg, "svg", "", "write a picture to this `file`, - for standard output")
	return c
}

// graphOf draws the last minutes second by second. It puts limits beside the curve where a keepone runs to say them.
func graphOf(t target, r *history.Record) chart.Chart {
	c := chart.Chart{Title: t.name + ": memory of the backend", Every: time.Minute, To: time.Now()}
	fine := time.Now() // from here on there are seconds
	if len(r.Seconds) > 0 {
		fine = r.Seconds[0].At
	}
	for _, m := range r.Minutes { // each stands in its middle
		if at := m.At.Add(time.Minute / 2); m.Max[history.Backend] > 0 && at.Before(fine) {
			c.Points = append(c.Points, chart.Point{At: at, Min: float64(m.Min[history.Backend]), Max: float64(m.Max[history.Backend])})
		}
	}
	for _, p := range r.Seconds {
		c.Points = append(c.Points, chart.Point{At: p.At, Min: float64(p.Bytes), Max: float64(p.Bytes)})
	}
	for _, e := range r.Events {
		if reason, _, restarted := strings.Cut(e.Text, ":"); e.Kind == "start" && restarted {
			c.Marks = append(c.Marks, chart.Mark{At: e.At, Label: reason})
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	if now, err := askStatus(ctx, t); err == nil {
		c.Soft, c.Hard = now.Memory.Soft, now.Memory.Hard
	}
	return c
}

// drawText draws for the terminal that there is; in a pipe, 80 columns and no
// colour: no-color.org.
func drawText(c chart.Chart) string {
	width, height := 80, 24
	color := term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if color {
		width, height = terminal()
	}
	draw := chart.Text
	if !utf8Locale() {
		draw = chart.ASCII
	}
	return draw(c, width, height-1, color) // the prompt comes below
}

// utf8Locale says whether more than ASCII can be shown: locale(7).
func utf8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(os.Getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// drawPicture replaces a file by a whole picture, or leaves it as it was. What
// is no file, a pipe, is written to.
func drawPicture(file string, c chart.Chart) error {
	if file == "-" {
		return chart.SVG(os.Stdout, c)
	}
	var picture bytes.Buffer
	chart.SVG(&picture, c) // a buffer has no errors
	to := file
	if there, err := os.Stat(file); err != nil || there.Mode().IsRegular() {
		to = file + ".new"
	}
	err := os.WriteFile(to, picture.Bytes(), 0o644)
	if to != file {
		if err == nil {
			err = os.Rename(to, file)
		} else {
			os.Remove(to)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot write the picture: %w", err)
	}
	return nil
}
