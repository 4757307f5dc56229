package archive

import (
	"bytes"
	"encoding/json"
	"errors"
)

// The forms of an export, as far as they are used. A field of another type than it should have is taken as absent:
// one odd record in ten years must not keep the rest out.

type slackUser struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	RealName string       `json:"real_name"`
	Deleted  bool         `json:"deleted"`
	IsBot    bool         `json:"is_bot"`
	Profile  slackProfile `json:"profile"`
}

type slackProfile struct {
	DisplayName string `json:"display_name"`
	RealName    string `json:"real_name"`
	Name        string `json:"name"`
	Email       string `json:"email"`
}

type slackChannel struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Created  json.RawMessage `json:"created"` // seconds, a number or a string
	Creator  string          `json:"creator"`
	Archived bool            `json:"is_archived"`
	General  bool            `json:"is_general"`
	Members  []string        `json:"members"`
	Topic    slackAbout      `json:"topic"`
	Purpose  slackAbout      `json:"purpose"`
	Pins     []struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	} `json:"pins"`
}

type slackAbout struct {
	Value   string          `json:"value"`
	LastSet json.RawMessage `json:"last_set"`
}

type slackRecord struct {
	Type        string            `json:"type"`
	Subtype     string            `json:"subtype"`
	TS          string            `json:"ts"`
	ThreadTS    string            `json:"thread_ts"`
	User        string            `json:"user"`
	Username    string            `json:"username"`
	BotID       string            `json:"bot_id"`
	BotProfile  slackProfile      `json:"bot_profile"`
	UserProfile slackProfile      `json:"user_profile"`
	Text        string            `json:"text"`
	Topic       string            `json:"topic"`
	Purpose     string            `json:"purpose"`
	Edited      slackEdit         `json:"edited"`
	Reactions   []slackReaction   `json:"reactions"`
	File        *slackFile        `json:"file"`
	Files       []slackFile       `json:"files"`
	Comment     slackComment      `json:"comment"`
	Attachments []slackAttachment `json:"attachments"`
	Blocks      json.RawMessage   `json:"blocks"`
}

type slackEdit struct {
	TS string `json:"ts"`
}

type slackComment struct {
	User    string `json:"user"`
	Comment string `json:"comment"`
}

type slackReaction struct {
	Name  string   `json:"name"`
	Users []string `json:"users"`
}

type slackFile struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Title     string          `json:"title"`
	Mime      string          `json:"mimetype"`
	Size      int64           `json:"size"`
	URL       string          `json:"url_private"`
	Permalink string          `json:"permalink"`
	User      string          `json:"user"`
	Initial   slackComment    `json:"initial_comment"`
	Reactions []slackReaction `json:"reactions"`
}

type slackAttachment struct {
	TS        string `json:"ts"`
	FromURL   string `json:"from_url"`
	Pretext   string `json:"pretext"`
	Author    string `json:"author_name"`
	Title     string `json:"title"`
	TitleLink string `json:"title_link"`
	Text      string `json:"text"`
	Fallback  string `json:"fallback"`
	ImageURL  string `json:"image_url"`
	Fields    []struct {
		Title string `json:"title"`
		Value string `json:"value"`
	} `json:"fields"`
}

// lenient unmarshals and takes a field of the wrong type as absent. data must be valid JSON.
func lenient(data []byte, into any) bool {
	err := json.Unmarshal(data, into)
	var wrongType *json.UnmarshalTypeError
	return err == nil || errors.As(err, &wrongType) && wrongType.Field != ""
}

// seconds reads a time that Slack wrote as 1433558319 or "1433558319", in microseconds.
func seconds(raw json.RawMessage) int64 {
	micros, ok := parseTS(string(bytes.Trim(raw, "\"")))
	if !ok {
		return 0
	}
	return micros
}

// elements checks that data is one JSON array, no deeper than it may be, and gives each of its elements. They share
// data's memory.
func elements(data []byte, name string, l Limits, each func(raw []byte) error) error {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if depthOf(data) > l.Depth {
		return refuse("%s is nested deeper than %d levels, which no export of Slack is; nothing was taken from it", show(name), l.Depth)
	}
	if !json.Valid(data) {
		return refuse("%s in this export is not readable: it is broken JSON; download the export again", show(name))
	}
	data = bytes.TrimSpace(data)
	if data[0] != '[' {
		return refuse("%s in this export is not a list, as it should be; download the export again", show(name))
	}
	return split(data[1:len(data)-1], each)
}

// depthOf gives the greatest nesting. It needs no valid JSON: json.Valid would call what is too deep
// broken, which is another sentence.
func depthOf(data []byte) int {
	depth, deepest := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = endOfString(data, i)
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		}
	}
	return deepest
}

// endOfString gives the index of the quote that closes the string opened at i, or the end of data.
func endOfString(data []byte, i int) int {
	for i++; i < len(data) && data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i
}

// split gives the elements of the inside of a valid array.
func split(data []byte, each func(raw []byte) error) error {
	depth, from := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = endOfString(data, i)
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case ',':
			if depth == 0 {
				if err := each(bytes.TrimSpace(data[from:i])); err != nil {
					return err
				}
				from = i + 1
			}
		}
	}
	if last := bytes.TrimSpace(data[from:]); len(last) > 0 {
		return each(last)
	}
	return nil
}
