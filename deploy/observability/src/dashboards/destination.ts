// One destination, or several: does it flow, how fast, what waits for it.
import type { Dashboard } from '../dashboard.ts';

const OF = 'destination=~"$destination"';

export const destination: Dashboard = {
  uid: 'causeway-destination',
  title: 'Causeway: destination',
  says: 'Deliveries by destination.',
  variables: [{ name: 'destination', label: 'Destination', query: 'label_values(causeway_uploader_destination_state, destination)' }],
  panels: [
    {
      ...{ title: 'State', kind: 'lines', unit: 'short', width: 12 },
      says: '0 flowing, 1 probing, 2 paused: the worst that any uploader has seen.',
      queries: [{ expr: `max by (destination) (causeway_uploader_destination_state{${OF}})`, legend: '{{destination}}' }],
    },
    {
      ...{ title: 'Oldest undelivered', kind: 'lines', unit: 's', width: 12 },
      says: 'Age of what is due, retrying or parked longest.',
      queries: [{ expr: `max by (destination) (causeway_ledger_oldest_delivery_age{${OF}})`, legend: '{{destination}}' }],
    },
    {
      ...{ title: 'Deliveries a second', kind: 'lines', unit: 'ops', width: 12 },
      says: 'delivered and coalesced are confirmed; attempted comes again; failed was given up.',
      queries: [
        {
          expr: `sum by (destination, outcome) (rate(causeway_uploader_deliveries_total{${OF}}[$__rate_interval]))`,
          legend: '{{destination}} {{outcome}}',
        },
      ],
    },
    {
      ...{ title: 'Bytes a second', kind: 'lines', unit: 'Bps', width: 12 },
      says: 'Of objects delivered.',
      queries: [{ expr: `sum by (destination) (rate(causeway_uploader_bytes_total{${OF}}[$__rate_interval]))`, legend: '{{destination}}' }],
    },
    {
      ...{ title: 'Queued', kind: 'stacked', unit: 'short', width: 8 },
      says: 'In DELIVERIES, by lane.',
      queries: [{ expr: `sum by (lane) (max by (destination, lane) (causeway_uploader_queued{${OF}}))`, legend: '{{lane}}' }],
    },
    {
      ...{ title: 'In the ledger', kind: 'stacked', unit: 'short', width: 8 },
      says: 'Due, retrying, parked and failed.',
      queries: [{ expr: `sum by (state) (max by (destination, state) (causeway_ledger_deliveries{${OF}}))`, legend: '{{state}}' }],
    },
    {
      ...{ title: 'Time of a request', kind: 'lines', unit: 's', width: 8 },
      says: '95th percentile of a STOW-RS request or a batch of stores.',
      queries: [
        {
          expr: `histogram_quantile(0.95, sum by (le, destination) (rate(causeway_uploader_request_duration_bucket{${OF}}[$__rate_interval])))`,
          legend: '{{destination}}',
        },
      ],
    },
    {
      ...{ title: 'Held back by a limit of bandwidth', kind: 'lines', unit: 'percentunit', width: 8 },
      says: 'Seconds waited a second, of all objects under way.',
      queries: [
        { expr: `sum by (destination) (rate(causeway_uploader_paced_wait_total{${OF}}[$__rate_interval]))`, legend: '{{destination}}' },
      ],
    },
    {
      ...{ title: 'Window closed', kind: 'lines', unit: 'short', width: 8 },
      says: '1: only stat work is sent now.',
      queries: [{ expr: `max by (destination) (causeway_uploader_window_closed{${OF}})`, legend: '{{destination}}' }],
    },
    {
      ...{ title: 'Parked, and queued again', kind: 'lines', unit: 'ops', width: 8 },
      says: 'Beyond a queue limit, and back from the ledger.',
      queries: [
        {
          expr: `sum by (destination) (rate(causeway_router_deliveries_parked_total{${OF}}[$__rate_interval]))`,
          legend: 'parked {{destination}}',
        },
        {
          expr: `sum by (destination) (rate(causeway_ledger_deliveries_requeued_total{${OF}}[$__rate_interval]))`,
          legend: 'queued {{destination}}',
        },
      ],
    },
    {
      ...{ title: 'Certificate', kind: 'lines', unit: 's', width: 12 },
      says: 'Time left of the one that we show.',
      queries: [{ expr: `min by (destination) (causeway_uploader_certificate_remaining{${OF}})`, legend: '{{destination}}' }],
    },
    {
      ...{ title: 'Uploaders', kind: 'lines', unit: 'short', width: 12 },
      says: 'Living ones, as each sees it, and durable consumers in use.',
      queries: [
        { expr: 'max(causeway_uploader_replicas)', legend: 'replicas' },
        { expr: 'sum by (instance) (causeway_uploader_queues)', legend: 'queues {{instance}}' },
      ],
    },
  ],
};
