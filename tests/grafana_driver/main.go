// Reads the queries of panels as Grafana's ClickHouse data source does: by its driver, over HTTP, gzip both ways.
//
// Standard input: one JSON object a line, {"name", "sql"}. Standard output: one a line, {"name", "rows", "columns"}, where
// columns are the database's types by name, or {"name", "error"}. Exit code 1 when a query failed.
// Environment: CLICKHOUSE_ADDRESS (host:port), CLICKHOUSE_DATABASE, CLICKHOUSE_USER, CLICKHOUSE_PASSWORD.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// The data source's own limit; the driver sends it as max_execution_time.
const queryTimeout = 60 * time.Second

type asked struct {
	Name string `json:"name"`
	SQL  string `json:"sql"`
}

type answered struct {
	Name    string            `json:"name"`
	Rows    int               `json:"rows"`
	Columns map[string]string `json:"columns,omitempty"`
	Error   string            `json:"error,omitempty"`
}

func main() {
	db := clickhouse.OpenDB(&clickhouse.Options{
		Addr: []string{os.Getenv("CLICKHOUSE_ADDRESS")},
		Auth: clickhouse.Auth{
			Database: os.Getenv("CLICKHOUSE_DATABASE"),
			Username: os.Getenv("CLICKHOUSE_USER"),
			Password: os.Getenv("CLICKHOUSE_PASSWORD"),
		},
		Protocol:    clickhouse.HTTP,
		Compression: &clickhouse.Compression{Method: clickhouse.CompressionGZIP},
		DialTimeout: 10 * time.Second,
		ReadTimeout: queryTimeout,
	})
	defer db.Close()
	failed, err := answerAll(db, os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if failed || err != nil {
		os.Exit(1)
	}
}

func answerAll(db *sql.DB, in io.Reader, out io.Writer) (failed bool, err error) {
	read, write := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var query asked
		if err := read.Decode(&query); errors.Is(err, io.EOF) {
			return failed, nil
		} else if err != nil {
			return failed, err
		}
		answer, err := ask(db, query)
		if err != nil {
			answer, failed = answered{Name: query.Name, Error: err.Error()}, true
		}
		if err := write.Encode(answer); err != nil {
			return failed, err
		}
	}
}

// ask reads every row into values of the types that the driver names, as the data source does.
func ask(db *sql.DB, query asked) (answered, error) {
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	rows, err := db.QueryContext(ctx, query.SQL)
	if err != nil {
		return answered{}, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return answered{}, err
	}
	answer := answered{Name: query.Name, Columns: map[string]string{}}
	values := make([]any, len(types))
	for at, one := range types {
		answer.Columns[one.Name()] = one.DatabaseTypeName()
		values[at] = reflect.New(one.ScanType()).Interface()
	}
	for rows.Next() {
		if err := rows.Scan(values...); err != nil {
			return answered{}, err
		}
		answer.Rows++
	}
	return answer, rows.Err()
}
