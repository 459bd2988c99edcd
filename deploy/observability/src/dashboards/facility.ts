// One facility, or several: what came for them, and what became of it.
import type { Dashboard } from '../dashboard.ts';

const OF = 'facility=~"$facility"';

export const facility: Dashboard = {
  uid: 'causeway-facility',
  title: 'Causeway: facility',
  says: 'Images received today and yesterday (UTC), by what became of them. A hub and its endpoints each count an image of both.',
  variables: [{ name: 'facility', label: 'Facility', query: 'label_values(causeway_ledger_receipts, facility)' }],
  panels: [
    {
      ...{ title: 'Received', kind: 'number', unit: 'short', width: 6 },
      says: 'Today and yesterday.',
      queries: [{ expr: `sum(max by (facility, outcome) (causeway_ledger_receipts{${OF},facility!="_all"}))`, legend: 'received' }],
    },
    {
      ...{ title: 'Delivered', kind: 'number', unit: 'percentunit', width: 6 },
      says: 'Share of them.',
      queries: [
        {
          expr: `sum(max by (facility) (causeway_ledger_receipts{${OF},facility!="_all",outcome="delivered"})) / sum(max by (facility, outcome) (causeway_ledger_receipts{${OF},facility!="_all"}))`,
          legend: 'delivered',
        },
      ],
    },
    {
      ...{ title: 'Held or quarantined', kind: 'number', unit: 'short', width: 6, red: 1 },
      says: 'Wait for a person.',
      queries: [
        {
          expr: `sum(max by (facility, outcome) (causeway_ledger_receipts{${OF},facility!="_all",outcome=~"held|quarantined"})) or vector(0)`,
          legend: 'wait',
        },
      ],
    },
    {
      ...{ title: 'Failed', kind: 'number', unit: 'short', width: 6, red: 1 },
      says: 'A delivery was given up, and none is on its way.',
      queries: [
        {
          expr: `sum(max by (facility) (causeway_ledger_receipts{${OF},facility!="_all",outcome="failed"})) or vector(0)`,
          legend: 'failed',
        },
      ],
    },
    {
      ...{ title: 'By outcome', kind: 'stacked', unit: 'short', width: 12 },
      says: 'Everything received has exactly one outcome.',
      queries: [
        { expr: `sum by (outcome) (max by (facility, outcome) (causeway_ledger_receipts{${OF},facility!="_all"}))`, legend: '{{outcome}}' },
      ],
    },
    {
      ...{ title: 'Images a second', kind: 'lines', unit: 'ops', width: 12 },
      says: 'Received, of facilities that the association alone decides; all others are `none`.',
      queries: [
        {
          expr: `sum by (facility) (rate(causeway_receiver_instances_total{${OF},status="0000"}[$__rate_interval]))`,
          legend: '{{facility}}',
        },
      ],
    },
    {
      ...{ title: 'Not delivered', kind: 'table', unit: 'short', width: 12 },
      says: 'By facility and outcome, the most first.',
      queries: [
        {
          expr: `sort_desc(max by (facility, outcome) (causeway_ledger_receipts{${OF},facility!="_all",outcome!~"delivered|discarded"}))`,
          legend: '',
        },
      ],
    },
    {
      ...{ title: 'Refused a second', kind: 'lines', unit: 'ops', width: 12 },
      says: 'C-STORE operations not answered with success, by status.',
      queries: [
        {
          expr: `sum by (facility, status) (rate(causeway_receiver_instances_total{${OF},status!="0000"}[$__rate_interval]))`,
          legend: '{{facility}} {{status}}',
        },
      ],
    },
  ],
};
