// PostgreSQL as ledger and console meet it, and as it tells of itself.
import type { Dashboard } from '../dashboard.ts';

export const postgres: Dashboard = {
  uid: 'causeway-postgres',
  title: 'Causeway: PostgreSQL',
  says: 'The ledger and its database. It is not in the way of images. The last row needs postgres_exporter.',
  panels: [
    {
      ...{ title: 'Reachable', kind: 'lines', unit: 'short', width: 6 },
      says: '1: it answers.',
      queries: [{ expr: 'min by (service_name) (causeway_database_reachable)', legend: '{{service_name}}' }],
    },
    {
      ...{ title: 'Ledger behind', kind: 'lines', unit: 's', width: 6 },
      says: 'Age of the oldest fact not written yet.',
      queries: [{ expr: 'max(causeway_ledger_lag)', legend: 'lag' }],
    },
    {
      ...{ title: 'Facts not written yet', kind: 'lines', unit: 'short', width: 6 },
      says: 'In FACTS.',
      queries: [{ expr: 'max(causeway_ledger_facts_behind)', legend: 'facts' }],
    },
    {
      ...{ title: 'Facts written a second', kind: 'lines', unit: 'ops', width: 6 },
      says: 'By all ledgers.',
      queries: [{ expr: 'sum(rate(causeway_ledger_facts_total[$__rate_interval]))', legend: 'facts' }],
    },
    {
      ...{ title: 'Batch of facts', kind: 'lines', unit: 's', width: 8 },
      says: 'Time to write one.',
      queries: [
        { expr: 'histogram_quantile(0.5, sum by (le) (rate(causeway_ledger_batch_duration_bucket[$__rate_interval])))', legend: 'median' },
        { expr: 'histogram_quantile(0.99, sum by (le) (rate(causeway_ledger_batch_duration_bucket[$__rate_interval])))', legend: '99 %' },
      ],
    },
    {
      ...{ title: 'Statements', kind: 'lines', unit: 's', width: 8 },
      says: '99th percentile, by service and first word.',
      queries: [
        {
          expr: 'histogram_quantile(0.99, sum by (le, service_name, db_operation_name) (rate(db_client_operation_duration_bucket[$__rate_interval])))',
          legend: '{{service_name}} {{db_operation_name}}',
        },
      ],
    },
    {
      ...{ title: 'Statements that failed', kind: 'lines', unit: 'ops', width: 8 },
      says: 'By kind of error.',
      queries: [
        {
          expr: 'sum by (service_name, error_type) (rate(db_client_operation_duration_count{error_type!=""}[$__rate_interval]))',
          legend: '{{service_name}} {{error_type}}',
        },
      ],
    },
    {
      ...{ title: 'Connections of the pools', kind: 'lines', unit: 'short', width: 12 },
      says: 'Used, and who waits for one.',
      queries: [
        { expr: 'sum by (service_name) (db_client_connection_count{db_client_connection_state="used"})', legend: 'used {{service_name}}' },
        { expr: 'sum by (service_name) (db_client_connection_max)', legend: 'most {{service_name}}' },
        { expr: 'sum by (service_name) (db_client_connection_pending_requests)', legend: 'waiting {{service_name}}' },
      ],
    },
    {
      ...{ title: 'What the ledger does by itself', kind: 'lines', unit: 'ops', width: 12 },
      says: 'Set in motion again by reconciliation, put off, queued again, deleted.',
      queries: [
        { expr: 'sum by (kind) (rate(causeway_ledger_reconciled_total[$__rate_interval]))', legend: 'set in motion: {{kind}}' },
        { expr: 'sum by (kind) (rate(causeway_ledger_postponed_total[$__rate_interval]))', legend: 'put off: {{kind}}' },
        { expr: 'sum(rate(causeway_ledger_deliveries_requeued_total[$__rate_interval]))', legend: 'queued again' },
        { expr: 'sum(rate(causeway_ledger_objects_deleted_total[$__rate_interval]))', legend: 'deleted' },
      ],
    },
    {
      ...{ title: 'Up, and standby behind', kind: 'lines', unit: 's', width: 8 },
      says: 'pg_up is 1 while a server answers; lag of the standby in seconds.',
      queries: [
        { expr: 'pg_up', legend: 'up {{instance}}' },
        { expr: 'max by (instance) (pg_replication_lag_seconds)', legend: 'behind {{instance}}' },
      ],
    },
    {
      ...{ title: 'Transactions a second', kind: 'lines', unit: 'ops', width: 8 },
      says: 'Committed, rolled back, deadlocks.',
      queries: [
        { expr: 'sum(rate(pg_stat_database_xact_commit[$__rate_interval]))', legend: 'commit' },
        { expr: 'sum(rate(pg_stat_database_xact_rollback[$__rate_interval]))', legend: 'rollback' },
        { expr: 'sum(rate(pg_stat_database_deadlocks[$__rate_interval]))', legend: 'deadlocks' },
      ],
    },
    {
      ...{ title: 'Size and connections', kind: 'lines', unit: 'short', width: 8 },
      says: 'Of the databases; by state.',
      queries: [
        { expr: 'sum by (datname) (pg_database_size_bytes)', legend: 'bytes {{datname}}' },
        { expr: 'sum by (state) (pg_stat_activity_count)', legend: '{{state}}' },
      ],
    },
  ],
};
