package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
)

// Request is one line of standard input.
type Request struct {
	ID       int             `json:"id"`
	Do       string          `json:"do"`
	Service  string          `json:"service"`
	Instance json.RawMessage `json:"instance"`
}

// Framework is what another framework's own library does.
type Framework interface {
	Register(instance json.RawMessage) error
	Deregister(instance json.RawMessage) error
	List(service string) (any, error)
	// Watch calls tell with the whole list, at first and after each change.
	Watch(service string, tell func(instances any)) error
}

// The libraries print to standard output too, so it is ours alone under another name.
var answers = os.Stdout

var oneLine sync.Mutex

func say(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		text, _ = json.Marshal(map[string]any{"id": line["id"], "error": err.Error()})
	}
	oneLine.Lock()
	defer oneLine.Unlock()
	fmt.Fprintf(answers, "%s\n", text)
}

// serve answers requests until standard input ends. Nothing is deregistered then: a test asks for that.
func serve(open func() (Framework, error)) {
	os.Stdout = os.Stderr
	framework, err := open()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	say(map[string]any{"ready": true})
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 16<<20)
	for input.Scan() {
		var request Request
		if err := json.Unmarshal(input.Bytes(), &request); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		result, err := answer(framework, request)
		if err != nil {
			say(map[string]any{"id": request.ID, "error": err.Error()})
			continue
		}
		say(map[string]any{"id": request.ID, "result": result})
	}
}

func answer(framework Framework, request Request) (any, error) {
	switch request.Do {
	case "register":
		return nil, framework.Register(request.Instance)
	case "deregister":
		return nil, framework.Deregister(request.Instance)
	case "list":
		return framework.List(request.Service)
	case "watch":
		return nil, framework.Watch(request.Service, func(instances any) {
			say(map[string]any{"watch": request.ID, "instances": instances})
		})
	}
	return nil, fmt.Errorf("there is no command %s", request.Do)
}
